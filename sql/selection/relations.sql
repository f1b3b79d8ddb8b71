-- One row is one table, view, materialised view, foreign table or sequence that somebody made, with the relation it belongs to: of a
-- partition the partitioned table, of a sequence the table of the column that owns it.
select
    c.oid,
    n.nspname::text as schema,
    c.relname::text as name,
    c.relkind::text as kind,
    coalesce(
        (
            select i.inhparent
            from pg_catalog.pg_inherits as i
            where i.inhrelid = c.oid and c.relispartition
        ),
        (
            select d.refobjid
            from pg_catalog.pg_depend as d
            where
                c.relkind = 'S'
                and d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                and d.objid = c.oid
                and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                and d.deptype in ('a', 'i')
                and d.refobjsubid > 0
        )
    ) as belongs_to
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where
    c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    and c.relpersistence <> 't'
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    -- what belongs to an extension comes with the extension
    and not exists (
        select
        from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by n.nspname, c.relname

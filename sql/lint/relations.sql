-- One row is one relation whose rows a backup does not hold, or may not find again: why is "foreign" (kept elsewhere), "unlogged" (a
-- crash of the source empties it) or "unpopulated" (a materialised view that was never filled).
select
    n.nspname::text as schema,
    c.relname::text as name,
    case when c.relkind = 'f' then 'foreign' when c.relkind = 'm' then 'unpopulated' else 'unlogged' end as why
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where
    (
        c.relkind = 'f'
        or c.relkind = 'r' and c.relpersistence = 'u'
        or c.relkind = 'm' and not c.relispopulated
    )
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and not exists (
        select
        from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by n.nspname, c.relname

-- One row is one table whose rows a backup must hold, or one partitioned parent that must be locked with them.
select
    c.oid,
    n.nspname::text as schema,
    c.relname::text as name,
    c.relkind = 'p' as parent,
    pg_catalog.pg_get_userbyid(c.relowner)::text as owner,
    coalesce(pg_catalog.pg_relation_size(c.oid), 0) as heap_bytes,
    coalesce(pg_catalog.pg_table_size(c.oid), 0) as table_bytes,
    coalesce(am.amname = 'heap', false) as heap,
    e.extname::text as extension,
    c.relpersistence = 'u' as unlogged,
    coalesce(
        (
            select array_agg(a.attname::text order by a.attnum)
            from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
        ),
        '{}'
    ) as columns
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_am as am on am.oid = c.relam
left join pg_catalog.pg_depend as d
    on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'
left join pg_catalog.pg_extension as e on e.oid = d.refobjid
where
    c.relkind in ('r', 'p')
    and c.relpersistence <> 't'
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    -- an extension's table comes back with the extension; only what it marks as configuration is dumped
    and (e.oid is null or c.oid = any (e.extconfig))
order by n.nspname, c.relname

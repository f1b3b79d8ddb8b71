-- One row is one table of an extension that holds rows, as far as statistics tell, and is not marked for dumps: its rows stay behind.
select n.nspname::text as schema, c.relname::text as name, e.extname::text as extension
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_depend as d
    on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'
join pg_catalog.pg_extension as e on e.oid = d.refobjid
where
    c.relkind = 'r'
    and c.relpersistence <> 't'
    and c.oid <> all (coalesce(e.extconfig, '{}'))
    and (c.reltuples > 0 or pg_catalog.pg_stat_get_live_tuples(c.oid) > 0)
order by n.nspname, c.relname

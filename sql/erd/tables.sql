-- one row: a table of the schemas $1; a partition is part of its parent
select c.oid, n.nspname::text as schema, c.relname::text as name,
    coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), '') as comment
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and n.nspname = any ($1::text[])
order by array_position($1::text[], n.nspname::text), c.relname

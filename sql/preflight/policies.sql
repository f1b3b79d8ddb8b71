-- One row is one table with row-level security.
select n.nspname::text as schema, c.relname::text as name
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relrowsecurity
order by n.nspname, c.relname

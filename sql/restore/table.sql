-- At most one row: the relation $1.$2, if there is one.
select c.relkind::text as kind
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2

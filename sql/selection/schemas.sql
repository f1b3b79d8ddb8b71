-- One row is one schema a backup can hold.
select n.oid, n.nspname::text as name
from pg_catalog.pg_namespace as n
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by n.nspname

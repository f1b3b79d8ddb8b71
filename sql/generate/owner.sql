-- one row: the owner of the table $2 in schema $1, and whether this session is a superuser
select c.relowner::regrole::text as owner, current_setting('is_superuser')::bool as superuser
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2

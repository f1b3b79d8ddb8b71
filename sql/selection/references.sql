-- One row is one validated foreign key of a table whose rows stay to one of the tables $1, whose rows are left out; those of the
-- relations $2 go altogether.
select
    k.conname::text as name,
    n.nspname::text as schema,
    c.relname::text as table,
    k.confrelid as referenced
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where
    k.contype = 'f'
    and k.convalidated
    and k.confrelid = any ($1::oid[])
    and k.conrelid <> all ($1::oid[])
    and k.conrelid <> all ($2::oid[])
order by n.nspname, c.relname, k.conname

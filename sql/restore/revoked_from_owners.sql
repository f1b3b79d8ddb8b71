-- One row is one privilege that loading a table needs and that its owner gave away.
select
    n.nspname::text as schema,
    c.relname::text as name,
    pg_catalog.pg_get_userbyid(c.relowner)::text as owner,
    p.privilege
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join (values ('insert'), ('truncate')) as p (privilege)
where
    c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not pg_catalog.has_table_privilege(c.relowner, c.oid, p.privilege)

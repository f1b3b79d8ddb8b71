-- one row: whether the log is there; asks the catalog, which needs no rights on the schema
select exists (
    select from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'ops' and c.relname = 'migration_log'
) as present

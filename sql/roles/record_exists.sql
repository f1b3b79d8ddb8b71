-- One row: whether there is a record of changes of roles; asks the catalog, which needs no rights on the schema.
select exists (
    select from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'ops' and c.relname = 'role_changes'
) as present

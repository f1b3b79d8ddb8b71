-- one row: whether there is a table or a materialized view besides the runner's own
select exists (
    select from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and not (n.nspname = 'ops' and c.relname in ('schema_history', 'migration_log'))
) as present

-- one row: whether the log is there and this login may read it
select coalesce(
    (select pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_table_privilege(c.oid, 'SELECT')
     from pg_catalog.pg_class as c
     join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where n.nspname = 'ops' and c.relname = 'migration_log'),
    false) as readable

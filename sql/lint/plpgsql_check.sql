-- At most one row: the schema of the extension plpgsql_check, where the database has it and the login may use it.
select n.nspname::text as schema
from pg_catalog.pg_extension as e
join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
where e.extname = 'plpgsql_check' and pg_catalog.has_schema_privilege(n.oid, 'usage')

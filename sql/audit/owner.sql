-- one row: the owner of the audit log, and whether this login need not become it; no row where there is no audit log
select c.relowner::regrole::text as owner, pg_catalog.pg_has_role(c.relowner, 'usage') as is_owner
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'app' and c.relname = 'audit_logs'

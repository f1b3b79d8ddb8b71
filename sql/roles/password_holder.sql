-- One row: a role as far as its password goes, and what the session may know and hide of it.
select r.oid, r.rolcanlogin as login, r.rolname ~ '^pg_' as reserved, coalesce(r.rolvaliduntil <= now(), false) as expired,
    r.rolname = session_user as own, pg_is_in_recovery() or current_setting('transaction_read_only')::bool as read_only,
    has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'select') and has_column_privilege('pg_catalog.pg_authid', 'oid', 'select')
        as sees_verifier,
    coalesce(current_setting('scram_iterations', true)::int4, 4096) as iterations,
    current_setting('log_statement') in ('ddl', 'mod', 'all')
        and not (current_setting('is_superuser')::bool and exists (select from pg_language l where l.lanname = 'plpgsql')) as logged
from pg_roles r
where r.rolname = $1

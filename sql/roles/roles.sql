-- One row: a role. What kind of password it has is known to few; see role_passwords.sql.
select r.oid, r.rolname::text as name, r.rolsuper as superuser, r.rolinherit as inherit, r.rolcreaterole as create_role,
    r.rolcreatedb as create_db, r.rolcanlogin as login, r.rolreplication as replication, r.rolbypassrls as bypass_rls,
    r.rolconnlimit as connection_limit,
    case when isfinite(r.rolvaliduntil) then to_char(r.rolvaliduntil at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS+00')
        else r.rolvaliduntil::text end as valid_until,
    shobj_description(r.oid, 'pg_authid') as comment
from pg_roles r
order by r.oid

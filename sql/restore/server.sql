-- One row: what the login may do on this server.
select
    r.rolname::text as login,
    r.rolsuper as superuser,
    r.rolcreatedb as create_databases,
    r.rolcreaterole as create_roles,
    pg_catalog.current_setting('server_version') as version,
    pg_catalog.current_setting('server_version_num')::int as version_num
from pg_catalog.pg_roles as r
where r.rolname = current_user

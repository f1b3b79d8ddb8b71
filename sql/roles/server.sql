-- One row: the server, the database and the login that asks.
select current_setting('server_version_num')::int4 as version, (select system_identifier from pg_control_system()) as system_identifier,
    current_database()::text as database, (select oid from pg_roles where rolname = session_user) as login,
    pg_is_in_recovery() as in_recovery, has_table_privilege('pg_catalog.pg_authid', 'select') as sees_passwords

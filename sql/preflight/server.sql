-- One row: who this login is, and what the server lets it know of itself. Settings it may not see are null.
select
    r.rolname::text as login,
    r.rolsuper as superuser,
    r.rolbypassrls as bypasses_rls,
    r.rolconnlimit as connection_limit,
    pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'select') as reads_password_hashes,
    pg_catalog.current_setting('server_encoding') as server_encoding,
    (select s.setting from pg_catalog.pg_settings as s where s.name = 'data_directory') as data_directory,
    pg_catalog.current_setting('max_locks_per_transaction')::bigint as locks_per_transaction,
    -- whoever can hold locks, as MaxBackends in postmaster.c counts; autovacuum_worker_slots since 18
    (
        select sum(s.setting::bigint) + 1
        from pg_catalog.pg_settings as s
        where
            s.name in ('max_connections', 'max_prepared_transactions', 'max_worker_processes', 'max_wal_senders')
            or s.name = case
                when pg_catalog.current_setting('server_version_num')::int >= 180000 then 'autovacuum_worker_slots'
                else 'autovacuum_max_workers'
            end
    )::bigint as lock_holders,
    (select s.reset_val::bigint from pg_catalog.pg_settings as s where s.name = 'max_connections') as connections,
    pg_catalog.to_regprocedure('pg_catalog.has_largeobject_privilege(oid,text)') is not null as tells_large_objects
from pg_catalog.pg_roles as r
where r.rolname = current_user

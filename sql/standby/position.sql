-- One row: which cluster and database this is, whether it is a standby, the time, and up to where its write-ahead log is safe.
select
    (select system_identifier::text from pg_catalog.pg_control_system()) as system_identifier,
    pg_catalog.current_database()::text as database,
    pg_catalog.pg_is_in_recovery() as standby,
    pg_catalog.clock_timestamp() as now,
    case when not pg_catalog.pg_is_in_recovery() then pg_catalog.pg_current_wal_flush_lsn() end::text as lsn

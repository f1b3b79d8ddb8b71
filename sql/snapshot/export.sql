-- One row: the moment. clock_timestamp() is read before the snapshot is exported, so the moment is never later than the data.
select
    pg_catalog.clock_timestamp() as moment,
    pg_catalog.pg_export_snapshot() as snapshot,
    case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_lsn() end::text as lsn

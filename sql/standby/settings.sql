-- One row: what a standby does about queries that are in replay's way: whether it tells its primary of them, for how many milliseconds
-- replay waits for them (-1: without end), and whether replay is paused.
select
    pg_catalog.current_setting('hot_standby_feedback')::boolean as feedback,
    (select s.setting::bigint from pg_catalog.pg_settings as s where s.name = 'max_standby_streaming_delay') as delay,
    case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_is_wal_replay_paused() else false end as paused

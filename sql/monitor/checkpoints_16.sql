-- One row: how checkpoints began since the counters did (before 17).
select b.checkpoints_timed as timed, b.checkpoints_req as requested, (b.checkpoint_write_time + b.checkpoint_sync_time) / 1000 as seconds,
    extract(epoch from clock_timestamp() - b.stats_reset)::float8 as since_seconds,
    extract(epoch from current_setting('checkpoint_timeout')::interval)::float8 as timeout_seconds, current_setting('max_wal_size') as max_wal_size
from pg_stat_bgwriter b

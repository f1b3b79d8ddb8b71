-- One row: how checkpoints began since the counters did (17 and later).
select c.num_timed as timed, c.num_requested as requested, (c.write_time + c.sync_time) / 1000 as seconds,
    extract(epoch from clock_timestamp() - c.stats_reset)::float8 as since_seconds,
    extract(epoch from current_setting('checkpoint_timeout')::interval)::float8 as timeout_seconds, current_setting('max_wal_size') as max_wal_size
from pg_stat_checkpointer c

-- One row: a replica that receives now; null positions: the login may not see them.
select r.application_name as name, host(r.client_addr) as address, r.state, r.sync_state,
    pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)::int8 as bytes,
    extract(epoch from r.replay_lag)::float8 as seconds, r.pid::int8 as pid
from pg_stat_replication r
where not pg_is_in_recovery()

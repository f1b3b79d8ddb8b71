-- One row is one replica this server feeds, or the server itself where it is one: how far it is behind. What the login may not
-- see (pg_monitor may) is null.
select
    coalesce(nullif(r.application_name, ''), pg_catalog.host(r.client_addr), 'process ' || r.pid) as replica,
    pg_catalog.pg_wal_lsn_diff(
        case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_receive_lsn() else pg_catalog.pg_current_wal_lsn() end,
        r.replay_lsn
    )::bigint as bytes,
    (extract(epoch from r.replay_lag) * 1000)::bigint as milliseconds
from pg_catalog.pg_stat_replication as r
where r.state = 'streaming' or r.state is null
union all
select
    'this standby',
    pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())::bigint,
    case
        when pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() then 0
        else (extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()) * 1000)::bigint
    end
where pg_catalog.pg_is_in_recovery()

-- One row: the server and who asks.
select current_setting('server_version_num')::int4 as version, current_database()::text as database, session_user::text as login,
    extract(epoch from clock_timestamp())::float8 as now, extract(epoch from pg_postmaster_start_time())::float8 as started,
    (select extract(epoch from d.stats_reset)::float8 from pg_stat_database d where d.datname = current_database()) as stats_reset,
    pg_is_in_recovery() as in_recovery, x.extversion as statements_version, n.nspname::text as statements_schema
from (select) one
left join pg_extension x on x.extname = 'pg_stat_statements'
left join pg_namespace n on n.oid = x.extnamespace

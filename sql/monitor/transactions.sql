-- One row: a session with a transaction that is open for a while; null state: the login may not see it.
select a.pid::int8 as pid, a.datname::text as database, a.usename::text as role, a.application_name as application,
    case when a.query is distinct from '<insufficient privilege>' then a.state end as state,
    extract(epoch from clock_timestamp() - a.xact_start)::float8 as open_seconds,
    extract(epoch from clock_timestamp() - a.state_change)::float8 as state_seconds,
    age(a.backend_xmin)::int8 as holds_back, (a.backend_type = 'client backend' or a.backend_type is null) as client
from pg_stat_activity a
where a.pid <> pg_backend_pid() and a.datname is not null
    and (a.xact_start is not null or a.query is not distinct from '<insufficient privilege>')
    and (a.backend_type in ('client backend', 'background worker', 'parallel worker') or a.backend_type is null and a.usesysid is not null)

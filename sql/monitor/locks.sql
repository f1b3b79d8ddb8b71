-- One row: a session that waits for a lock, or that others wait for. `blocked_by` is what the server itself says, so a session that
-- merely stands in the queue before another counts.
with waiting as (
    select l.pid, pg_blocking_pids(l.pid) as blocked_by, min(l.waitstart) as since,
        min(coalesce(l.relation::regclass::text, l.locktype)) as object, min(l.mode) as mode
    from pg_locks l
    where not l.granted
    group by l.pid
), concerned as (
    select pid from waiting union select unnest(blocked_by) from waiting
)
select c.pid::int8 as pid, coalesce(w.blocked_by, '{}')::int8[] as blocked_by, w.object, w.mode,
    extract(epoch from clock_timestamp() - w.since)::float8 as waiting_seconds,
    a.datname::text as database, a.usename::text as role, a.application_name as application, a.state,
    extract(epoch from clock_timestamp() - a.xact_start)::float8 as open_seconds,
    left(regexp_replace(a.query, '\s+', ' ', 'g'), 120) as query
from concerned c
left join waiting w on w.pid = c.pid
left join pg_stat_activity a on a.pid = c.pid
where c.pid <> pg_backend_pid()

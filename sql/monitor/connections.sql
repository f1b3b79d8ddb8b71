-- One row: the sessions of one role in one database by state, and the limits they count against; null: the login may not see the state.
-- Of a session it may not see a login is not told the kind either: those of a role count as clients.
select a.datname::text as database, a.usename::text as role,
    case when a.state is not null then a.state when a.query is distinct from '<insufficient privilege>' then 'starting' end as state,
    count(*)::int8 as sessions,
    current_setting('max_connections')::int8 as max_connections,
    (current_setting('superuser_reserved_connections')::int8
        + coalesce(current_setting('reserved_connections', true)::int8, 0)) as reserved,
    nullif(r.rolconnlimit, -1)::int8 as role_limit, nullif(d.datconnlimit, -1)::int8 as database_limit
from pg_stat_activity a
left join pg_roles r on r.oid = a.usesysid
left join pg_database d on d.oid = a.datid
where (a.backend_type = 'client backend' or a.backend_type is null and a.usesysid is not null) and a.pid <> pg_backend_pid()
group by 1, 2, 3, r.rolconnlimit, d.datconnlimit

-- One row: a session of the role $1 (a number).
select a.pid, coalesce(a.datname, '')::text as database, nullif(a.application_name, '') as application,
    host(a.client_addr) as address,
    to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as since
from pg_catalog.pg_stat_activity a
where a.usesysid = $1
order by a.pid

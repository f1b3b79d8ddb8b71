-- At most one row: the session that holds the lock of those who change the roles of this database. Another login's columns may be hidden.
select
    l.pid,
    a.usename::text as login,
    nullif(a.application_name, '') as application,
    coalesce(host(a.client_addr), nullif(a.client_hostname, '')) as address,
    to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') as since
from pg_catalog.pg_locks as l
left join pg_catalog.pg_stat_activity as a on a.pid = l.pid
where
    l.locktype = 'advisory'
    and l.granted
    and l.classid = 1970170227
    and l.objid = 3
    and l.objsubid = 2
    and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())

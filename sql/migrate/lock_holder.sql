-- one row: the session that holds the migration lock of this database
select l.pid, coalesce(a.usename, '?') as login, coalesce(a.application_name, '?') as application,
    coalesce(to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), '?') as since
from pg_catalog.pg_locks as l
left join pg_catalog.pg_stat_activity as a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.classid = 1970170227 and l.objid = 1 and l.objsubid = 2
    and l.database = (select oid from pg_catalog.pg_database where datname = current_database())

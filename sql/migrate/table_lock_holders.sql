-- one row: a session, in words, that holds a lock on one of the relations $1 (schema.name)
select format('process %s, %s, %s, %s since %s', a.pid, coalesce(a.usename, '?'),
    coalesce(nullif(a.application_name, ''), '?'), coalesce(a.state, '?'),
    coalesce(to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), '?')) as holder
from pg_catalog.pg_stat_activity as a
where a.pid <> pg_catalog.pg_backend_pid()
    and exists (
        select from pg_catalog.pg_locks as l
        join pg_catalog.pg_class as c on c.oid = l.relation
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where l.pid = a.pid and l.locktype = 'relation' and l.granted and n.nspname || '.' || c.relname = any ($1::text[])
            and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database()))
order by a.xact_start

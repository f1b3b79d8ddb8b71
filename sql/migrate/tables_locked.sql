-- one row: a table that was there before and that the session with this database's migration lock has locked, and how
select n.nspname as schema, c.relname as name, l.mode
from pg_catalog.pg_locks as l
join pg_catalog.pg_class as c on c.oid = l.relation
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where l.locktype = 'relation' and l.granted
    and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
    and l.pid in (
        select runner.pid from pg_catalog.pg_locks as runner
        where runner.locktype = 'advisory' and runner.granted and runner.database = l.database
            and runner.classid = 1970170227 and runner.objid = 1 and runner.objsubid = 2
    )
    and c.relkind in ('r', 'p', 'm', 'f')
    and n.nspname not in ('pg_catalog', 'pg_toast', 'information_schema')
    and not (n.nspname = 'ops' and c.relname in ('schema_history', 'migration_log'))

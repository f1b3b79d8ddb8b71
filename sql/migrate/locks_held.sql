-- one row: a lock this session holds on a relation of this database, system catalogs left out
-- (a dropped relation is in no catalog any more; oids below 16384 are the system's)
select l.relation, l.mode
from pg_catalog.pg_locks as l
where l.locktype = 'relation' and l.granted and l.pid = pg_catalog.pg_backend_pid()
    and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
    and l.relation >= 16384

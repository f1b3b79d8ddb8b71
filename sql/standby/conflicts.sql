-- One row: how many statements of this database the standby has cancelled, because replay was in conflict with them.
select coalesce(sum(c.confl_tablespace + c.confl_lock + c.confl_snapshot + c.confl_bufferpin + c.confl_deadlock), 0)::bigint as conflicts
from pg_catalog.pg_stat_database_conflicts as c
where c.datname = pg_catalog.current_database()

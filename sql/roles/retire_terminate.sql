-- One row: a session of the role $1 (a number) that was asked to end.
select a.pid, pg_catalog.pg_terminate_backend(a.pid) as asked
from pg_catalog.pg_stat_activity a
where a.usesysid = $1

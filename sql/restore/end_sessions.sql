-- One row per session of others that was told to leave the database $1.
select pg_catalog.pg_terminate_backend(a.pid) as told
from pg_catalog.pg_stat_activity as a
where a.datname = $1 and a.pid <> pg_catalog.pg_backend_pid() and a.backend_type = 'client backend'

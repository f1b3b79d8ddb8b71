-- At most one row: the database called $1, and how many sessions of others use it.
select
    pg_catalog.pg_get_userbyid(d.datdba)::text as owner,
    d.datallowconn as connectable,
    (
        select count(*)
        from pg_catalog.pg_stat_activity as a
        where a.datid = d.oid and a.pid <> pg_catalog.pg_backend_pid() and a.backend_type = 'client backend'
    ) as sessions
from pg_catalog.pg_database as d
where d.datname = $1

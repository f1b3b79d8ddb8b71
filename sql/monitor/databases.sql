-- One row: a database and its size; null: the login may not connect to it, which asking for the size takes.
select d.datname::text as database,
    case when has_database_privilege(d.oid, 'connect') or pg_has_role('pg_read_all_stats', 'usage') then pg_database_size(d.oid) end as bytes
from pg_database d
where d.datallowconn or d.datname = current_database()
order by 2 desc nulls last

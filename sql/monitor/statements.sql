-- One row: a normalised statement of this database and what it cost since the counters began; null query: hidden from this login.
select s.queryid as id, nullif(left(regexp_replace(s.query, '\s+', ' ', 'g'), 200), '<insufficient privilege>') as query,
    pg_get_userbyid(s.userid)::text as role, s.calls, s.total_exec_time / 1000 as total_seconds, s.mean_exec_time / 1000 as mean_seconds,
    s.rows, s.shared_blks_hit + s.shared_blks_read as blocks, s.temp_blks_written as temp_blocks
from {schema}.pg_stat_statements s
where s.dbid = (select d.oid from pg_database d where d.datname = current_database())
order by s.total_exec_time desc
limit 200

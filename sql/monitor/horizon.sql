-- One row: something that keeps VACUUM from removing rows, and how many transactions it is behind; `hidden`: how many sessions the
-- login may not see.
select 'session' as holder, a.pid::text || ' ' || coalesce(a.usename::text, '') as name, age(a.backend_xmin)::int8 as age,
    extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds
from pg_stat_activity a
where a.backend_xmin is not null and a.pid <> pg_backend_pid() and a.backend_type <> 'walsender'
union all
select 'replica', coalesce(nullif(r.application_name, ''), r.pid::text), age(r.backend_xmin)::int8, null
from pg_stat_replication r
where r.backend_xmin is not null
union all
select 'prepared transaction', p.gid, age(p.transaction)::int8, extract(epoch from clock_timestamp() - p.prepared)::float8
from pg_prepared_xacts p
union all
select 'slot', s.slot_name::text, greatest(age(s.xmin), age(s.catalog_xmin))::int8, null
from pg_replication_slots s
where coalesce(s.xmin, s.catalog_xmin) is not null
union all
select 'hidden', count(*)::text, null, null
from pg_stat_activity a
where a.query is not distinct from '<insufficient privilege>'
having count(*) > 0
order by 3 desc nulls last

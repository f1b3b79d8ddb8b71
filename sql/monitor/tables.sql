-- One row: a table or materialised view with all that belongs to it (TOAST, indexes), a partition by itself; null sizes: somebody has it for
-- himself, and asking would wait.
with taken as materialized (select distinct l.relation from pg_locks l where l.mode = 'AccessExclusiveLock' and l.granted and l.relation is not null)
select n.nspname::text as schema, c.relname::text as name, case when k.relation is null then pg_total_relation_size(c.oid) end as bytes,
    case when k.relation is null then pg_indexes_size(c.oid) end as index_bytes,
    nullif(c.reltuples, -1)::int8 as rows, s.seq_scan as scans, s.idx_scan as index_scans
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_stat_user_tables s on s.relid = c.oid
left join taken k on k.relation = c.oid
where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by 3 desc nulls first

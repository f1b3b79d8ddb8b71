-- One row: an index that no query may use, or that cannot take rows; `being_built`: somebody is at it now. A partitioned index without
-- all its parts is one, too.
select n.nspname::text as schema, c.relname::text as name, t.relname::text as table, tn.nspname::text as table_schema, x.indisready as ready,
    c.relkind = 'I' as partitioned,
    exists (select from pg_stat_progress_create_index p where p.index_relid = c.oid) as being_built,
    case when c.relkind = 'i' and not exists (select from pg_locks l where l.relation in (c.oid, t.oid) and l.mode = 'AccessExclusiveLock')
        then pg_relation_size(c.oid) end as bytes,
    exists (select from pg_constraint k where k.conindid = c.oid) as of_constraint
from pg_index x
join pg_class c on c.oid = x.indexrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_class t on t.oid = x.indrelid
join pg_namespace tn on tn.oid = t.relnamespace
where not x.indisvalid or not x.indisready

-- One row: an index of this database's own tables: what it is over, what leans on it, how often it was used. A key is its column or
-- expression with operator class, collation and direction, as words that are equal where the keys are: never the stored tree, whose
-- text holds places in the statement it came from.
with taken as materialized (select l.relation from pg_locks l where l.mode = 'AccessExclusiveLock' and l.granted and l.relation is not null)
select n.nspname::text as schema, c.relname::text as name, x.indexrelid::int8 as oid, tn.nspname::text as table_schema, t.relname::text as table,
    a.amname::text as method, x.indisunique as is_unique, x.indisprimary as primary, x.indisvalid and x.indisready as valid,
    x.indisexclusion as exclusion, x.indisreplident as replica_identity, x.indisclustered as clustered,
    coalesce((to_jsonb(x) ->> 'indnullsnotdistinct')::bool, false) as nulls_not_distinct,
    c.relispartition as attached, c.relkind = 'I' as partitioned,
    exists (select from pg_constraint k where k.conindid = x.indexrelid and k.contype <> 'f') as of_constraint,
    exists (select from pg_constraint k where k.conindid = x.indexrelid and k.contype = 'f') as referred_to,
    (select string_agg(pg_get_indexdef(x.indexrelid, p.place, false) || ' ' || x.indclass[p.place - 1]::text || ' '
            || x.indcollation[p.place - 1]::text || ' ' || x.indoption[p.place - 1]::text, e'\x01' order by p.place)
        from generate_series(1, x.indnkeyatts) p (place)) as keys,
    (select string_agg(pg_get_indexdef(x.indexrelid, p.place, false), e'\x01' order by p.place)
        from generate_series(x.indnkeyatts + 1, x.indnatts) p (place)) as included,
    pg_get_expr(x.indpred, x.indrelid) as predicate, pg_get_indexdef(x.indexrelid) as definition,
    s.idx_scan as scans, case when c.relkind = 'i' and not exists (select from taken k where k.relation in (x.indexrelid, x.indrelid)) then pg_relation_size(x.indexrelid) end as bytes,
    exists (select from pg_constraint k where k.conrelid = x.indrelid and k.contype = 'f' and x.indkey[0] = any (k.conkey)) as serves_foreign_key
from pg_index x
join pg_class c on c.oid = x.indexrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_class t on t.oid = x.indrelid
join pg_namespace tn on tn.oid = t.relnamespace
join pg_am a on a.oid = c.relam
left join pg_stat_all_indexes s on s.indexrelid = x.indexrelid
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = t.oid and e.deptype = 'e')
order by tn.nspname collate "C", t.relname collate "C", x.indexrelid

-- One row: a foreign key that no index of its table serves: none begins with all of its columns, in any order, nor with one column
-- that by itself says which row is referred to (`(institution, id)` refers by `id` to one row at most).
select tn.nspname::text as schema, t.relname::text as table, k.conname::text as name, k.confrelid::regclass::text as refers_to,
    (select string_agg(quote_ident(a.attname), ', ' order by o.place)
        from unnest(k.conkey) with ordinality o (number, place)
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = o.number) as columns,
    nullif(t.reltuples, -1)::int8 as rows, t.relkind = 'p' as partitioned
from pg_constraint k
join pg_class t on t.oid = k.conrelid
join pg_namespace tn on tn.oid = t.relnamespace
where k.contype = 'f' and k.conparentid = 0
    and not exists (
        select from pg_index x
        join pg_class c on c.oid = x.indexrelid
        join pg_am m on m.oid = c.relam
        where x.indrelid = k.conrelid and x.indisvalid and m.amname in ('btree', 'hash') and x.indkey[0] = any (k.conkey)
            -- what is null refers to nothing, so an index without it is as good
            and (x.indpred is null or pg_get_expr(x.indpred, x.indrelid) = (
                select '(' || quote_ident(a.attname) || ' IS NOT NULL)' from pg_attribute a
                where a.attrelid = k.conrelid and a.attnum = x.indkey[0]))
            and ((x.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
                or exists (
                    select from pg_index u
                    where u.indrelid = k.confrelid and u.indisunique and u.indisvalid and u.indpred is null and u.indnkeyatts = 1
                        and u.indkey[0] = k.confkey[array_position(k.conkey, x.indkey[0])]))
    )
order by 6 desc nulls last

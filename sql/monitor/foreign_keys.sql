-- One row: a foreign key none of whose table's indexes begins with its columns, in any order.
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
        where x.indrelid = k.conrelid and x.indisvalid and m.amname in ('btree', 'hash')
            and (x.indpred is null or cardinality(k.conkey) = 1
                and pg_get_expr(x.indpred, x.indrelid) = '(' || (select quote_ident(a.attname) from pg_attribute a
                    where a.attrelid = k.conrelid and a.attnum = k.conkey[1]) || ' IS NOT NULL)')
            and (x.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
    )
order by 6 desc nulls last

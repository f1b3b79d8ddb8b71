-- one row: a foreign key between tables of the schemas $1; its columns in order, and whether it is unique, so that at most one
-- row refers to another
select k.conname::text as name, k.conrelid as from_oid, k.confrelid as to_oid,
    array(select a.attname::text from unnest(k.conkey) with ordinality as u (attnum, position)
        join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = u.attnum
        order by u.position) as columns,
    (select bool_and(a.attnotnull) from pg_catalog.pg_attribute as a
        where a.attrelid = k.conrelid and a.attnum = any (k.conkey)) as required,
    exists (select from pg_catalog.pg_index as i
        where i.indrelid = k.conrelid and i.indisunique and i.indpred is null and i.indexprs is null
            and (i.indkey::int2[])[0:i.indnkeyatts - 1] <@ k.conkey) as is_unique
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_class as t on t.oid = k.confrelid
join pg_catalog.pg_namespace as m on m.oid = t.relnamespace
where k.contype = 'f' and k.conparentid = 0 and n.nspname = any ($1::text[]) and m.nspname = any ($1::text[])
    and not c.relispartition
order by c.relname, k.conname

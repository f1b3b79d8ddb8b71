-- one row: a table of $1 (schema.name; an index stands for its table) that is there, the rows the server estimates (null: it
-- never looked), and its bytes with indexes; asking for those waits for nobody: null where somebody has the table for himself
with wanted as (
    select w.name, coalesce(i.indrelid, c.oid) as oid
    from unnest($1::text[]) as w (name)
    join pg_catalog.pg_class as c on true
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname || '.' || c.relname = w.name
    left join pg_catalog.pg_index as i on i.indexrelid = c.oid
)
select w.name, n.nspname || '.' || c.relname as relation,
    case when c.relkind = 'p' then p.rows when c.reltuples >= 0 then c.reltuples::int8 end as rows,
    case when c.relkind = 'p' then p.bytes
        when not exists (
            select from pg_catalog.pg_locks as l
            where l.relation = c.oid and l.mode = 'AccessExclusiveLock'
                and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database()))
        then pg_catalog.pg_total_relation_size(c.oid) end as bytes
from wanted as w
join pg_catalog.pg_class as c on c.oid = w.oid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join lateral (
    select sum(greatest(part.reltuples, 0))::int8 as rows,
        sum(pg_catalog.pg_total_relation_size(part.oid))::int8 as bytes
    from pg_catalog.pg_partition_tree(c.oid) as tree
    join pg_catalog.pg_class as part on part.oid = tree.relid and tree.isleaf
    where c.relkind = 'p'
) as p on c.relkind = 'p'
order by w.name

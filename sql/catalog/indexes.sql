-- One row is one index of a table, as the archive will know it: an index behind a constraint has the constraint's object id.
select
    i.indrelid as table_oid,
    coalesce(k.oid, i.indexrelid) as oid,
    am.amname::text as method,
    -- not pg_relation_size: it would wait behind a REINDEX, and the size only orders the work of a restore
    greatest(c.relpages, 0)::bigint * pg_catalog.current_setting('block_size')::bigint as bytes
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indexrelid and c.relkind = 'i'
join pg_catalog.pg_class as t on t.oid = i.indrelid and t.relkind = 'r'
join pg_catalog.pg_namespace as n on n.oid = t.relnamespace
join pg_catalog.pg_am as am on am.oid = c.relam
left join pg_catalog.pg_constraint as k on k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by i.indrelid, 2

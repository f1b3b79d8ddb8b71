-- one row: a column of a table of the schemas $1, in order
select a.attrelid as table_oid, a.attname::text as name,
    replace(replace(pg_catalog.format_type(a.atttypid, a.atttypmod), 'timestamp with time zone', 'timestamptz'), 'app.', '') as type,
    a.attnotnull as required,
    exists (select from pg_catalog.pg_constraint as k
        where k.conrelid = a.attrelid and k.contype = 'p' and a.attnum = any (k.conkey)) as is_key
from pg_catalog.pg_attribute as a
join pg_catalog.pg_class as c on c.oid = a.attrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and n.nspname = any ($1::text[])
    and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum

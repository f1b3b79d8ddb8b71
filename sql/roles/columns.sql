-- One row: a relation of this database with its columns, in order.
select a.attrelid as relation, array_agg(a.attnum order by a.attnum) as numbers,
    array_agg(a.attname::text order by a.attnum) as names
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
group by a.attrelid

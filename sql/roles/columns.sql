-- One row: a relation with its columns, in order; of the server's own only those with a column that something was granted on.
select a.attrelid as relation, array_agg(a.attnum order by a.attnum) as numbers,
    array_agg(a.attname::text order by a.attnum) as names
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and (n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        or exists (select from pg_attribute g where g.attrelid = c.oid and g.attacl is not null))
    and n.nspname !~ '^pg_(toast|temp)'
group by a.attrelid

-- One row: how many tables there are, partitioned parents among them: a backup locks each.
select count(*) as tables
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where
    c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relpersistence <> 't'

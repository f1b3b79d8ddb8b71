-- One row: how much of the database a logical backup does not hold, or holds with a condition.
select
    count(*) filter (where c.relkind = 'f') as foreign_tables,
    count(*) filter (where c.relkind in ('r', 'p') and c.relpersistence = 'u') as unlogged_tables,
    count(*) filter (where c.relkind = 'm' and not c.relispopulated) as empty_views,
    (select count(*) from pg_catalog.pg_subscription as s where s.subdbid = (
        select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database()
    )) as subscriptions,
    count(*) filter (where c.relkind in ('r', 'p')) as tables
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relpersistence <> 't'

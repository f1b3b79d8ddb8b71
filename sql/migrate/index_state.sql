-- one row: whether the index $2 of schema $1 is valid, and whether somebody is building it
select i.indisvalid as valid,
    exists (select from pg_catalog.pg_stat_progress_create_index as p where p.index_relid = i.indexrelid) as building
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2

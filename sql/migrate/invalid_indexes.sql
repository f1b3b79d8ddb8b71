-- one row: an invalid index, quoted, that nobody is building; partitioned ones left out, which wait for their partitions
select format('%I.%I', n.nspname, c.relname) as name
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indexrelid and c.relkind = 'i'
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where not i.indisvalid
    and not exists (select from pg_catalog.pg_stat_progress_create_index as p where p.index_relid = i.indexrelid)
order by 1

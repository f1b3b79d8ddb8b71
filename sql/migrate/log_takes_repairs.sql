-- one row: whether the log has the columns of a repair; one that an earlier program made has not
select count(*) = 2 as present
from pg_catalog.pg_attribute as a
where a.attrelid = 'ops.migration_log'::regclass and a.attname in ('reason', 'change') and not a.attisdropped

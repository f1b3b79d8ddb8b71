-- one row: whether this session held the migration lock it now gives up
select pg_catalog.pg_advisory_unlock(1970170227, 1) as held

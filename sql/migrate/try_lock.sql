-- one row: whether this session now holds the migration lock of this database
select pg_catalog.pg_try_advisory_lock(1970170227, 1) as held

-- One row: whether this session held the lock it now gives up.
select pg_catalog.pg_advisory_unlock(1970170227, 3) as held

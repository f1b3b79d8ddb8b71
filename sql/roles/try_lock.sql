-- One row: whether this session now holds the lock of those who change this database's roles. The key is "unis" in ASCII and a 3;
-- 1 is the migrations', 2 the backups'.
select pg_catalog.pg_try_advisory_lock(1970170227, 3) as held

-- one row: whether this session now holds the backup lock of this database. The key is "unis" in ASCII and a 2; 1 is the
-- migrations'. An advisory lock belongs to the database the session is connected to, so the database needs no part in the key.
select pg_catalog.pg_try_advisory_lock(1970170227, 2) as held

-- one row: whether this is still the transaction in which the mark $1 was set
select coalesce(pg_catalog.current_setting('unisys_dba.migration', true) = $1, false) as still

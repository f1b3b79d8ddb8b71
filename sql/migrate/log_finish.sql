-- no row: the entry $1 of the log ends with outcome $2 and error $3
update ops.migration_log set outcome = $2, error = $3, finished_at = clock_timestamp() where id = $1

-- no row: the history's row of a version was repaired; $5 why, $6 what was changed
insert into ops.migration_log (version, name, action, outcome, host, tool, reason, change, started_at, finished_at)
values ($1, $2, 'repair', 'done', $3, $4, $5, $6, transaction_timestamp(), transaction_timestamp())

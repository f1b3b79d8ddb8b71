-- one row: the id of the new entry of the log; $3 action, $4 outcome, $8 attempts, $9 seconds since it began
insert into ops.migration_log
    (version, name, action, outcome, host, tool, backup_id, attempts, started_at, finished_at, error,
    no_backup)
values ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() - make_interval(secs => $9),
    case when $4 <> 'started' then clock_timestamp() end, $10, $11)
returning id

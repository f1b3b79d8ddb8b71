-- One row: the number of the new record.
insert into ops.role_changes
    (action, outcome, undoes, host, tool, policy_sha256, changes, reach, state_before, state_after, finished_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, case when $2 = 'done' then clock_timestamp() end)
returning id

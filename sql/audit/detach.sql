-- one row: the table that was the partition of the month of $1
select app.detach_audit_partition($1) as detached

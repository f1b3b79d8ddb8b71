-- one row: how many rows went from the default partition into the one made for the month of $1; null when it was there
select app.make_audit_partition($1) as moved

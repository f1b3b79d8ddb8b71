-- one row: the query of the active rule $1
select query from qa.rules where code = $1 and is_active

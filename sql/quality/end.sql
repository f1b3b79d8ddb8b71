-- one row: whether the session $1 was told to end
select pg_terminate_backend($1)

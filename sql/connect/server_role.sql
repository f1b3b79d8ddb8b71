-- one row: whether the server is a standby, and whether transactions can only read
select pg_catalog.pg_is_in_recovery() as standby,
       pg_catalog.current_setting('transaction_read_only') = 'on' as read_only

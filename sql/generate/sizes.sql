-- one row: the bytes of the database, and of the table $1 alone and with its indexes and long values
select pg_database_size(current_database()) as database, pg_table_size($1::text::regclass) as heap,
    pg_total_relation_size($1::text::regclass) as total

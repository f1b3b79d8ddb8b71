-- At most one row: the database $1, and whether its encoding is $2 (true where that is null).
select pg_catalog.pg_encoding_to_char(d.encoding)::text as encoding, d.datcollate::text as collate, d.datctype::text as ctype,
    $2::text is null or pg_catalog.pg_char_to_encoding($2) = d.encoding as same_encoding
from pg_catalog.pg_database d
where d.datname = $1

-- One row: a database of the server.
select d.oid, d.datname::text as name, d.datdba as owner, coalesce(d.datacl, acldefault('d', d.datdba))::text[] as acl,
    d.datconnlimit as connection_limit, d.datallowconn as allows_connections, d.datistemplate as template,
    pg_encoding_to_char(d.encoding)::text as encoding, d.datcollate::text as collate, d.datctype::text as ctype
from pg_database d
order by d.datname collate "C"

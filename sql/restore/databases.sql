-- One row per database of the server.
select d.datname::text as name from pg_catalog.pg_database as d

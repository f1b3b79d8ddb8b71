-- One row per tablespace of the server.
select t.spcname::text as name from pg_catalog.pg_tablespace as t

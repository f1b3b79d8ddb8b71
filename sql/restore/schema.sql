-- One row: whether there is a schema $1.
select exists (select from pg_catalog.pg_namespace as n where n.nspname = $1) as there

-- one row: a table of $1 (as schema.name) the database does not have; asks the catalog, which needs no rights on the schema
select t.name
from unnest($1::text[]) with ordinality as t (name, position)
where not exists (
    select from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname || '.' || c.relname = t.name)
order by t.position

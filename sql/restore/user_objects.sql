-- One row: how many objects the connected database holds that no fresh one has. The first id of an object that initdb did not
-- make is 16384 (FirstNormalObjectId), so the catalogs need no list of exceptions.
select sum(n)::bigint as objects
from (
    select count(*) from pg_catalog.pg_class where oid >= 16384 and relkind <> 'i' and relnamespace <> 'pg_toast'::pg_catalog.regnamespace
    union all
    select count(*) from pg_catalog.pg_namespace where oid >= 16384 and nspname !~ '^pg_(toast_)?temp_'
    union all
    select count(*) from pg_catalog.pg_proc where oid >= 16384
    union all
    select count(*) from pg_catalog.pg_type where oid >= 16384 and typrelid = 0 and typelem = 0
    union all
    select count(*) from pg_catalog.pg_extension where oid >= 16384
    union all
    select count(*) from pg_catalog.pg_publication
    union all
    select count(*) from pg_catalog.pg_largeobject_metadata
) as counted (n)

-- One row is one name of a table, view, function or type that is found through a search_path alone: none of PostgreSQL's own has it.
select o.name
from (
    select c.relname::text as name
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    union
    select p.proname::text
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    union
    select t.typname::text
    from pg_catalog.pg_type as t
    join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
    where t.typelem = 0 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
) as o
where
    not exists (
        select from pg_catalog.pg_proc as p
        where p.proname = o.name and p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
    )
    and not exists (
        select from pg_catalog.pg_class as c
        where c.relname = o.name and c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace
    )
    and not exists (
        select from pg_catalog.pg_type as t
        where t.typname = o.name and t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
    )
order by o.name

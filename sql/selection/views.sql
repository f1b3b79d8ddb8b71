-- One row is one populated materialised view that reads, itself or through other views, one of the tables $1.
with recursive reading (oid) as (
    select t.oid
    from unnest($1::oid[]) as t (oid)
    union
    select w.ev_class
    from reading as r
    join pg_catalog.pg_depend as d
        on d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        and d.refobjid = r.oid
        and d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    join pg_catalog.pg_rewrite as w on w.oid = d.objid
)
select c.oid, n.nspname::text as schema, c.relname::text as name
from reading as r
join pg_catalog.pg_class as c on c.oid = r.oid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'm' and c.relispopulated
order by n.nspname, c.relname

-- One row is one sequence that a column of the table $1.$2 owns: a serial's or an identity's.
select n.nspname::text as schema, s.relname::text as name
from pg_catalog.pg_depend as d
join pg_catalog.pg_class as s on s.oid = d.objid and s.relkind = 'S'
join pg_catalog.pg_namespace as n on n.oid = s.relnamespace
join pg_catalog.pg_class as t on t.oid = d.refobjid
join pg_catalog.pg_namespace as tn on tn.oid = t.relnamespace
where
    d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    and d.deptype in ('a', 'i')
    and tn.nspname = $1
    and t.relname = $2
order by 1, 2

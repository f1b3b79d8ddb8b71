-- One row: a sequence that belongs to a column (serial, identity), and the column's table.
select d.objid as sequence, d.refobjid as relation
from pg_depend d
join pg_class s on s.oid = d.objid and s.relkind = 'S'
where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')

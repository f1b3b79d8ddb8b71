-- One row: what a view, or another rule of a relation, reads: a relation, and the column or 0 for the relation as a whole.
select distinct w.ev_class as relation, d.refobjid as reads, d.refobjsubid as number
from pg_rewrite w
join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
where d.refobjid <> w.ev_class and w.oid >= 16384
order by 1, 2, 3

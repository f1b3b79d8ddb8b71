-- One row is one object that goes when the schemas $1 and the relations $2 are left out, or (where needs is not null) one that stays
-- and needs such an object. What hangs on an object by itself (indexes, owned sequences, partitions, rules of views) goes with it; an
-- extension's members come with the extension; a cast is dumped only where all it names is.
with recursive gone (classid, objid) as (
    select 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid, s.oid
    from unnest($1::oid[]) as s (oid)
    union
    select 'pg_catalog.pg_class'::pg_catalog.regclass::oid, r.oid
    from unnest($2::oid[]) as r (oid)
    union
    select d.classid, d.objid
    from gone as g
    join pg_catalog.pg_depend as d on d.refclassid = g.classid and d.refobjid = g.objid
    where
        (
            d.deptype in ('a', 'i', 'P', 'S')
            or d.deptype = 'n' and d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass
            or (
                d.deptype = 'n'
                and g.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
                and d.classid <> 'pg_catalog.pg_extension'::pg_catalog.regclass
            )
        )
        and not exists (
            select
            from pg_catalog.pg_depend as e
            where e.classid = d.classid and e.objid = d.objid and e.deptype = 'e'
        )
), needing (classid, objid, refclassid, refobjid) as (
    select distinct d.classid, d.objid, d.refclassid, d.refobjid
    from gone as g
    join pg_catalog.pg_depend as d on d.refclassid = g.classid and d.refobjid = g.objid
    where
        d.deptype = 'n'
        and (d.classid, d.objid) not in (select k.classid, k.objid from gone as k)
        and not exists (
            select
            from pg_catalog.pg_depend as e
            where e.classid = d.classid and e.objid = d.objid and e.deptype = 'e'
        )
)
select
    i.type as kind,
    i.identity as name,
    case when g.classid = 'pg_catalog.pg_class'::pg_catalog.regclass then g.objid end as relation,
    null as needs
from gone as g
cross join lateral pg_catalog.pg_identify_object(g.classid, g.objid, 0) as i
union all
select 'column', format('%I.%I.%I', n.nspname, c.relname, a.attname), null, null
from gone as g
join pg_catalog.pg_class as c on c.oid = g.objid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where g.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
union all
select coalesce(v.type, i.type), coalesce(v.identity, i.identity), null, r.type || ' ' || r.identity
from needing as x
cross join lateral pg_catalog.pg_identify_object(x.classid, x.objid, 0) as i
cross join lateral pg_catalog.pg_identify_object(x.refclassid, x.refobjid, 0) as r
-- of a view, the rule that makes it one needs what it reads; people know the view
left join pg_catalog.pg_rewrite as w
    on w.oid = x.objid and x.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and w.rulename = '_RETURN'
left join lateral pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, w.ev_class, 0) as v on w.oid is not null

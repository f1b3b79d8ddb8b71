-- One row per object that somebody made dependent on extensions (ALTER … DEPENDS ON EXTENSION).
select i.type as kind, i.identity as name,
    json_build_object('depends on extensions', string_agg(quote_ident(x.extname), ', ' order by x.extname collate "C")) as detail
from pg_depend d
join pg_extension x on x.oid = d.refobjid
cross join lateral pg_identify_object(d.classid, d.objid, 0) i
where d.deptype = 'x' and d.refclassid = 'pg_extension'::regclass
group by i.type, i.identity

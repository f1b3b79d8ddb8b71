-- One row per operator family: its operators by strategy and its support functions by number.
select 'operator family' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(f.opfowner),
        'operators', (
            select string_agg(
                format('%s %s', o.amopstrategy, o.amopopr::regoperator)
                    || case when o.amopsortfamily <> 0
                        then ' for order by ' || (pg_identify_object('pg_opfamily'::regclass, o.amopsortfamily, 0)).identity else '' end,
                ', ' order by o.amopstrategy, o.amopopr::regoperator::text collate "C")
            from pg_amop o where o.amopfamily = f.oid),
        'functions', (
            select string_agg(
                format('%s (%s, %s) %s', p.amprocnum, format_type(p.amproclefttype, null), format_type(p.amprocrighttype, null),
                    p.amproc::oid::regprocedure),
                ', ' order by p.amprocnum, format_type(p.amproclefttype, null) collate "C", format_type(p.amprocrighttype, null) collate "C")
            from pg_amproc p where p.amprocfamily = f.oid)
    )) as detail
from pg_opfamily f
join pg_namespace n on n.oid = f.opfnamespace
cross join lateral pg_identify_object('pg_opfamily'::regclass, f.oid, 0) i
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_opfamily'::regclass and e.objid = f.oid and e.deptype = 'e')

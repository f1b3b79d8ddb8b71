-- One row per extended statistics object.
select 'statistics object' as kind, format('%I.%I', n.nspname, s.stxname) as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(s.stxowner),
        'definition', pg_get_statisticsobjdef(s.oid),
        'target', nullif(s.stxstattarget, -1)::text
    )) as detail
from pg_statistic_ext s
join pg_namespace n on n.oid = s.stxnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_statistic_ext'::regclass and e.objid = s.oid and e.deptype = 'e')

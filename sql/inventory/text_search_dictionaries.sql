-- One row per text search dictionary.
select 'text search dictionary' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(k.dictowner),
        'template', (pg_identify_object('pg_ts_template'::regclass, k.dicttemplate, 0)).identity,
        'options', k.dictinitoption
    )) as detail
from pg_ts_dict k
join pg_namespace n on n.oid = k.dictnamespace
cross join lateral pg_identify_object('pg_ts_dict'::regclass, k.oid, 0) i
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_ts_dict'::regclass and e.objid = k.oid and e.deptype = 'e')

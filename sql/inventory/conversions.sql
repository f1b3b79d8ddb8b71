-- One row per encoding conversion.
select 'conversion' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(k.conowner),
        'from', pg_encoding_to_char(k.conforencoding),
        'to', pg_encoding_to_char(k.contoencoding),
        'function', k.conproc::oid::regprocedure::text,
        'default', case when k.condefault then 'yes' end
    )) as detail
from pg_conversion k
join pg_namespace n on n.oid = k.connamespace
cross join lateral pg_identify_object('pg_conversion'::regclass, k.oid, 0) i
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_conversion'::regclass and e.objid = k.oid and e.deptype = 'e')

-- One row per operator class.
select 'operator class' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(o.opcowner),
        'input', format_type(o.opcintype, null),
        'storage', case when o.opckeytype <> 0 then format_type(o.opckeytype, null) end,
        'default', case when o.opcdefault then 'yes' end,
        'family', (pg_identify_object('pg_opfamily'::regclass, o.opcfamily, 0)).identity
    )) as detail
from pg_opclass o
join pg_namespace n on n.oid = o.opcnamespace
cross join lateral pg_identify_object('pg_opclass'::regclass, o.oid, 0) i
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_opclass'::regclass and e.objid = o.oid and e.deptype = 'e')

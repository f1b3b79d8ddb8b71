-- One row per collation. Through jsonb, because the columns for locale and rules change with the major version.
select 'collation' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(k.collowner),
        'provider', case k.collprovider when 'c' then 'libc' when 'i' then 'icu' when 'b' then 'builtin' else k.collprovider::text end,
        'deterministic', k.collisdeterministic::text,
        'collate', k.collcollate,
        'ctype', k.collctype,
        'locale', coalesce(j.row ->> 'colllocale', j.row ->> 'colliculocale'),
        'rules', j.row ->> 'collicurules',
        'version', k.collversion
    )) as detail
from pg_collation k
join pg_namespace n on n.oid = k.collnamespace
cross join lateral pg_identify_object('pg_collation'::regclass, k.oid, 0) i
cross join lateral (select to_jsonb(k)) as j (row)
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_collation'::regclass and e.objid = k.oid and e.deptype = 'e')

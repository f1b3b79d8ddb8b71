-- One row per text search template: its functions.
select 'text search template' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'initialise', nullif(k.tmplinit::oid, 0)::regprocedure::text,
        'lexize', nullif(k.tmpllexize::oid, 0)::regprocedure::text
    )) as detail
from pg_ts_template k
join pg_namespace n on n.oid = k.tmplnamespace
cross join lateral pg_identify_object('pg_ts_template'::regclass, k.oid, 0) i
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_ts_template'::regclass and e.objid = k.oid and e.deptype = 'e')

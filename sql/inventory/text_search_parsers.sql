-- One row per text search parser: its functions.
select 'text search parser' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'start', nullif(k.prsstart::oid, 0)::regprocedure::text,
        'token', nullif(k.prstoken::oid, 0)::regprocedure::text,
        'end', nullif(k.prsend::oid, 0)::regprocedure::text,
        'headline', nullif(k.prsheadline::oid, 0)::regprocedure::text,
        'lexeme types', nullif(k.prslextype::oid, 0)::regprocedure::text
    )) as detail
from pg_ts_parser k
join pg_namespace n on n.oid = k.prsnamespace
cross join lateral pg_identify_object('pg_ts_parser'::regclass, k.oid, 0) i
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_ts_parser'::regclass and e.objid = k.oid and e.deptype = 'e')

-- One row per range type: what it ranges over, and the name of its multirange.
select 'type' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'subtype', format_type(r.rngsubtype, null),
        'operator class', (pg_identify_object('pg_opclass'::regclass, r.rngsubopc, 0)).identity,
        'collation', nullif(r.rngcollation, 0)::regcollation::text,
        'canonical', nullif(r.rngcanonical::oid, 0)::regprocedure::text,
        'difference', nullif(r.rngsubdiff::oid, 0)::regprocedure::text,
        'multirange', format_type(r.rngmultitypid, null)
    )) as detail
from pg_range r
join pg_type t on t.oid = r.rngtypid
join pg_namespace n on n.oid = t.typnamespace
cross join lateral pg_identify_object('pg_type'::regclass, t.oid, 0) i
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_type'::regclass and e.objid = t.oid and e.deptype = 'e')

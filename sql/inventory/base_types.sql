-- One row per base type that somebody made: its functions and its layout.
select 'type' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'input', nullif(t.typinput, 0)::regprocedure::text,
        'output', nullif(t.typoutput, 0)::regprocedure::text,
        'receive', nullif(t.typreceive, 0)::regprocedure::text,
        'send', nullif(t.typsend, 0)::regprocedure::text,
        'modifier input', nullif(t.typmodin, 0)::regprocedure::text,
        'modifier output', nullif(t.typmodout, 0)::regprocedure::text,
        'analyze', nullif(t.typanalyze, 0)::regprocedure::text,
        'subscript', nullif(t.typsubscript, 0)::regprocedure::text,
        'element', case when t.typelem <> 0 then format_type(t.typelem, null) end,
        'layout', format('length %s, by value %s, align %s, storage %s, delimiter %L', t.typlen, t.typbyval, t.typalign, t.typstorage, t.typdelim),
        'category', t.typcategory::text || case when t.typispreferred then ' preferred' else '' end
    )) as detail
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
cross join lateral pg_identify_object('pg_type'::regclass, t.oid, 0) i
where t.typtype = 'b' and t.typisdefined
    and not exists (select from pg_type e where e.typarray = t.oid)
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_type'::regclass and e.objid = t.oid and e.deptype = 'e')

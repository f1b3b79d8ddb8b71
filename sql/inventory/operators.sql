-- One row per operator. Left out: shells, named as a commutator or negator but never made; pg_dump skips them.
select 'operator' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(o.oprowner),
        'function', o.oprcode::oid::regprocedure::text,
        'result', format_type(o.oprresult, null),
        'commutator', nullif(o.oprcom, 0)::regoperator::text,
        'negator', nullif(o.oprnegate, 0)::regoperator::text,
        'restrict', nullif(o.oprrest::oid, 0)::regprocedure::text,
        'join', nullif(o.oprjoin::oid, 0)::regprocedure::text,
        'merges', case when o.oprcanmerge then 'yes' end,
        'hashes', case when o.oprcanhash then 'yes' end
    )) as detail
from pg_operator o
join pg_namespace n on n.oid = o.oprnamespace
cross join lateral pg_identify_object('pg_operator'::regclass, o.oid, 0) i
where o.oprcode <> 0
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_operator'::regclass and e.objid = o.oid and e.deptype = 'e')

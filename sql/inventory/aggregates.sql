-- One row per aggregate. Zero for "no such function" and empty texts are left out.
select i.type as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(p.proowner),
        'arguments', pg_get_function_arguments(p.oid),
        'parallel', case p.proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end,
        'kind', case a.aggkind when 'n' then 'normal' when 'o' then 'ordered set' else 'hypothetical' end,
        'direct arguments', nullif(a.aggnumdirectargs, 0)::text,
        'transition', nullif(a.aggtransfn, 0)::regprocedure::text,
        'state', format_type(a.aggtranstype, null),
        'state space', nullif(a.aggtransspace, 0)::text,
        'initial', a.agginitval,
        'final', nullif(a.aggfinalfn, 0)::regprocedure::text,
        'final extra', case when a.aggfinalextra then 'yes' end,
        'final modify', a.aggfinalmodify,
        'combine', nullif(a.aggcombinefn, 0)::regprocedure::text,
        'serialize', nullif(a.aggserialfn, 0)::regprocedure::text,
        'deserialize', nullif(a.aggdeserialfn, 0)::regprocedure::text,
        'moving transition', nullif(a.aggmtransfn, 0)::regprocedure::text,
        'moving inverse', nullif(a.aggminvtransfn, 0)::regprocedure::text,
        'moving state', case when a.aggmtranstype <> 0 then format_type(a.aggmtranstype, null) end,
        'moving state space', nullif(a.aggmtransspace, 0)::text,
        'moving initial', a.aggminitval,
        'moving final', nullif(a.aggmfinalfn, 0)::regprocedure::text,
        'moving final extra', case when a.aggmfinalextra then 'yes' end,
        'moving final modify', a.aggmfinalmodify,
        'sort operator', nullif(a.aggsortop, 0)::regoperator::text
    )) as detail
from pg_aggregate a
join pg_proc p on p.oid = a.aggfnoid
join pg_namespace n on n.oid = p.pronamespace
cross join lateral pg_identify_object('pg_proc'::regclass, p.oid, 0) i
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')

-- One row per cast that somebody made.
select 'cast' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'context', case k.castcontext when 'e' then 'explicit' when 'a' then 'assignment' else 'implicit' end,
        'method', case k.castmethod when 'f' then 'function' when 'i' then 'inout' else 'binary' end,
        'function', nullif(k.castfunc, 0)::regprocedure::text
    )) as detail
from pg_cast k
cross join lateral pg_identify_object('pg_cast'::regclass, k.oid, 0) i
where k.oid >= 16384
    and not exists (select from pg_depend e where e.classid = 'pg_cast'::regclass and e.objid = k.oid and e.deptype = 'e')

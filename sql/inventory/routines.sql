-- One row per function, procedure or window function. The definition carries language, volatility, security and settings.
-- Left out: the constructors a range type brings with it.
select i.type as kind, i.identity as name,
    json_build_object('owner', pg_get_userbyid(p.proowner), 'definition', pg_get_functiondef(p.oid)) as detail
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
cross join lateral pg_identify_object('pg_proc'::regclass, p.oid, 0) i
where p.prokind <> 'a'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype in ('e', 'i'))

-- one row: whether this login may refresh the materialised views of schema analysis, and they may read what they are made of
select coalesce(has_function_privilege(f.oid, 'execute') and not exists (
    select from pg_catalog.pg_class as v
    join pg_catalog.pg_rewrite as r on r.ev_class = v.oid
    join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = r.oid
        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid <> v.oid
    where v.relnamespace = f.pronamespace and v.relkind = 'm'
        and not has_table_privilege(v.relowner, d.refobjid, 'select')
), false) as permitted
from (
    select p.oid, p.pronamespace from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'analysis' and p.proname = 'refresh'
    union all select null, null
    order by 1 nulls last limit 1
) as f

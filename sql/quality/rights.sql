-- one row: whose rights rules can have: whether there is qa.run_rule and this login may call it, who owns it, whether that owner
-- may read schema app, and whether anybody but superusers and this login may write rules
select p.oid is not null as has_function,
    coalesce(has_function_privilege(p.oid, 'execute'), false) as may_call,
    pg_catalog.pg_get_userbyid(t.relowner) as owner,
    coalesce(has_schema_privilege(t.relowner, n.oid, 'usage'), false) as owner_reads,
    exists (
        select from pg_catalog.pg_roles as r
        where not r.rolsuper and r.rolname <> session_user and r.oid <> t.relowner and r.rolname !~ '^pg_'
            and (pg_has_role(r.oid, t.relowner, 'member')
                or pg_has_role(r.oid, 'pg_write_all_data', 'member')
                or has_any_column_privilege(r.oid, t.oid, 'insert')
                or has_any_column_privilege(r.oid, t.oid, 'update'))
    ) as others_write
from pg_catalog.pg_class as t
join pg_catalog.pg_namespace as q on q.oid = t.relnamespace and q.nspname = 'qa'
left join pg_catalog.pg_proc as p on p.pronamespace = q.oid and p.proname = 'run_rule'
left join pg_catalog.pg_namespace as n on n.nspname = 'app'
where t.relname = 'rules'

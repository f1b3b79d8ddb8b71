-- One row: a policy of row-level security.
select p.polrelid as relation, p.polname::text as name, p.polroles as roles, p.polpermissive as permissive,
    case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as command,
    pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as check,
    coalesce(d.calls, '{}') as calls, coalesce(d.reads, '{}') as reads, coalesce(d.numbers, '{}') as numbers
from pg_policy p
left join lateral (
    select array_agg(d.refobjid) filter (where d.refclassid = 'pg_proc'::regclass) as calls,
        array_agg(d.refobjid order by d.refobjid, d.refobjsubid) filter (where d.refclassid = 'pg_class'::regclass) as reads,
        array_agg(d.refobjsubid::int2 order by d.refobjid, d.refobjsubid) filter (where d.refclassid = 'pg_class'::regclass) as numbers
    from (select distinct refclassid, refobjid, refobjsubid from pg_depend
        where classid = 'pg_policy'::regclass and objid = p.oid and refobjid <> p.polrelid) d
) d on true
order by p.polrelid, p.polname collate "C"

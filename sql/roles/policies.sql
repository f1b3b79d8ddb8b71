-- One row: a policy of row-level security.
select p.polrelid as relation, p.polname::text as name, p.polroles as roles, p.polpermissive as permissive,
    case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as command,
    pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as check
from pg_policy p
order by p.polrelid, p.polname collate "C"

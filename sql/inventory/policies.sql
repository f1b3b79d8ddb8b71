-- One row per row-security policy; those on an extension's tables too, for pg_dump keeps them.
select 'policy' as kind, format('%I on %I.%I', p.polname, n.nspname, c.relname) as name,
    json_strip_nulls(json_build_object(
        'command', case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
        'mode', case when p.polpermissive then 'permissive' else 'restrictive' end,
        'roles', (
            select string_agg(r.name, ', ' order by r.name collate "C")
            from (select case when o = 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(o)) end from unnest(p.polroles) o) as r (name)),
        'using', pg_get_expr(p.polqual, p.polrelid),
        'check', pg_get_expr(p.polwithcheck, p.polrelid)
    )) as detail
from pg_policy p
join pg_class c on c.oid = p.polrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'

-- One row per server parameter somebody was granted, from PostgreSQL 15 on.
select 'parameter' as kind, p.parname as name,
    json_build_object('privileges', (
        select string_agg(e.text, ' ' order by e.text collate "C")
        from (
            select case when x.grantee = 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(x.grantee)) end
                || '=' || string_agg(x.privilege_type || case when x.is_grantable then '*' else '' end, ',' order by x.privilege_type collate "C")
                || '/' || quote_ident(pg_get_userbyid(x.grantor))
            from aclexplode(p.paracl) x
            group by x.grantee, x.grantor) as e (text))) as detail
from pg_parameter_acl p

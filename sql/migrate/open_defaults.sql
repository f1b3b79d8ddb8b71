-- one row: a role of $1 whose new functions everybody may still execute (only the default without a schema counts)
select r.rolname::text as name
from pg_catalog.pg_roles as r
left join pg_catalog.pg_default_acl as d
    on d.defaclrole = r.oid and d.defaclnamespace = 0 and d.defaclobjtype = 'f'
where r.rolname = any ($1::text[])
    and exists (
        select from pg_catalog.aclexplode(coalesce(d.defaclacl, acldefault('f', r.oid))) as a
        where a.grantee = 0 and a.privilege_type = 'EXECUTE')
order by array_position($1::text[], r.rolname::text)

-- one row: whether new schemas of the role $1 are closed to the role $2
select not exists (
    select from pg_catalog.pg_default_acl as d, pg_catalog.aclexplode(d.defaclacl) as a
    where d.defaclrole = $1::text::regrole and d.defaclnamespace = 0 and d.defaclobjtype = 'n'
        and a.grantee = $2::text::regrole and a.privilege_type = 'USAGE'
) as missing

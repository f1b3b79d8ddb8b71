-- one row: what somebody other than the owner may do by default with a new object: $1 its owner, $2 its schema,
-- $3 its kind as pg_default_acl names them ('r', 'S', 'f', 'T', 'n'); position counts the objects from 1
select w.position, coalesce(g.rolname::text, 'PUBLIC') as grantee,
    string_agg(distinct a.privilege_type, ', ' order by a.privilege_type) as privileges
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as w (owner, schema, kind, position)
left join pg_catalog.pg_roles as o on o.rolname = w.owner
left join pg_catalog.pg_default_acl as everywhere
    on everywhere.defaclrole = o.oid and everywhere.defaclnamespace = 0 and everywhere.defaclobjtype::text = w.kind
left join pg_catalog.pg_namespace as n on n.nspname = w.schema
left join pg_catalog.pg_default_acl as here
    on here.defaclrole = o.oid and here.defaclnamespace = n.oid and here.defaclobjtype::text = w.kind
cross join lateral (
    select * from pg_catalog.aclexplode(coalesce(
        everywhere.defaclacl,
        pg_catalog.acldefault((case w.kind when 'S' then 's' else w.kind end)::"char", coalesce(o.oid, 0))))
    union all
    select * from pg_catalog.aclexplode(here.defaclacl)
) as a
left join pg_catalog.pg_roles as g on g.oid = a.grantee
where a.grantee <> coalesce(o.oid, 0) or a.grantee = 0 and o.oid is not null
    or a.grantee = 0 and o.oid is null and w.kind in ('f', 'T')
group by w.position, a.grantee, g.rolname
order by w.position, a.grantee <> 0, g.rolname

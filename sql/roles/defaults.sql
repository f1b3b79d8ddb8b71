-- One row: default privileges of a creator for a class of objects, in a schema or everywhere.
select d.defaclrole as creator, n.nspname::text as schema, d.defaclobjtype::text as class, d.defaclacl::text[] as acl
from pg_default_acl d
left join pg_namespace n on n.oid = d.defaclnamespace
order by 1, 2, 3

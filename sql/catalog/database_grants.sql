-- One row is one privilege on the connected database as its access list has it; no grantee means PUBLIC.
select r.rolname::text as grantee, a.privilege_type as privilege, a.is_grantable as grantable
from pg_catalog.pg_database as d
cross join lateral pg_catalog.aclexplode(d.datacl) as a
left join pg_catalog.pg_roles as r on r.oid = a.grantee
where d.datname = pg_catalog.current_database()
order by r.rolname nulls first, a.privilege_type

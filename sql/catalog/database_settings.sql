-- One row is one setting of the connected database, for everybody (no role) or for one role.
select r.rolname::text as role, setting
from pg_catalog.pg_db_role_setting as s
join pg_catalog.pg_database as d on d.oid = s.setdatabase and d.datname = pg_catalog.current_database()
left join pg_catalog.pg_roles as r on r.oid = s.setrole
cross join lateral unnest(s.setconfig) as setting
order by r.rolname nulls first, setting

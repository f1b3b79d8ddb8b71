-- One row: the role $1, if it exists, with whether it logs in and whether this login may end it and give what it has to $2.
select r.oid, r.rolcanlogin as login, r.rolsuper as superuser, r.oid = m.oid as is_login, m.rolname::text as me,
    m.rolsuper or m.rolcreaterole as may_drop, h.oid is not null as heir_exists,
    pg_catalog.pg_has_role(m.oid, r.oid, 'USAGE') as has_rights,
    h.oid is not null and pg_catalog.pg_has_role(m.oid, h.oid, 'USAGE') as has_rights_of_heir
from pg_catalog.pg_roles r
join pg_catalog.pg_roles m on m.rolname = session_user
left join pg_catalog.pg_roles h on h.rolname = $2
where r.rolname = $1

-- One row: whether the role $1 exists, and whether this login can make it the owner of something new.
select r.oid is not null as present,
    r.oid is not null and pg_catalog.pg_has_role(
        session_user, r.oid, case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end) as reachable,
    session_user::text as login, current_setting('server_version_num')::int >= 160000 as options
from (select) as one
left join pg_catalog.pg_roles r on r.rolname = $1

-- one row: who owns schema ops, and whether this login is somebody else who may become that role; no row: no such schema
select r.rolname::text as owner,
    r.rolname <> session_user
        and pg_catalog.pg_has_role(
            session_user, r.oid,
            case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end) as reachable
from pg_catalog.pg_namespace as n
join pg_catalog.pg_roles as r on r.oid = n.nspowner
where n.nspname = 'ops'

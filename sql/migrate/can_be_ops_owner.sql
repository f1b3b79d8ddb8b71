-- one row: whether this login may become ops_owner
select coalesce(
    (select pg_catalog.pg_has_role(
        session_user, r.oid,
        case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end)
     from pg_catalog.pg_roles as r where r.rolname = 'ops_owner'),
    false) as reachable

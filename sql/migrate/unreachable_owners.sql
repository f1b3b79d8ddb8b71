-- one row: a role of $1 that exists, but this login may not SET ROLE to
-- (from version 16 on membership alone does not allow it)
select r.rolname::text as name
from pg_catalog.pg_roles as r
where r.rolname = any ($1::text[])
    and not pg_catalog.pg_has_role(
        session_user, r.oid,
        case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end)
order by array_position($1::text[], r.rolname::text)

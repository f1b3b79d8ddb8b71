-- One row per role of the server, and whether the login may act as it, and so give objects to it.
select r.rolname::text as name, pg_catalog.pg_has_role(current_user, r.oid, 'member') as member
from pg_catalog.pg_roles as r

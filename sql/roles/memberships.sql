-- One row: a role granted to a role by a grantor (16 and later).
select roleid as role, member, grantor, admin_option as admin, inherit_option as inherit, set_option as set
from pg_auth_members
order by roleid, member, grantor

-- One row: a role granted to a role (before 16, where the member's INHERIT decides and everybody may SET ROLE).
select m.roleid as role, m.member, m.grantor, m.admin_option as admin, r.rolinherit as inherit, true as set
from pg_auth_members m
join pg_roles r on r.oid = m.member
order by m.roleid, m.member, m.grantor

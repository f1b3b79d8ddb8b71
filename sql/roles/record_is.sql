-- One row: whether the change of roles $1 was committed.
select exists (select from ops.role_changes r where r.id = $1) as present

-- One row: the change of roles $1, whole.
select r.action, r.outcome, r.changes, r.reach, r.state_before, r.state_after
from ops.role_changes r
where r.id = $1

-- One row: a change of roles, without its content. The newest first.
select r.id, r.action, r.outcome, r.undoes, r.login, r.host, r.tool,
    to_char(coalesce(r.finished_at, r.begun_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at,
    r.policy_sha256, jsonb_array_length(r.changes)::int8 as statements,
    (select min(u.id) from ops.role_changes u where u.undoes = r.id) as undone_by
from ops.role_changes r
order by r.id desc

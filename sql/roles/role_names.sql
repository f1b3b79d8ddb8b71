-- One row: a role's name.
select rolname::text as name
from pg_roles
where rolname !~ '^pg_'
order by 1

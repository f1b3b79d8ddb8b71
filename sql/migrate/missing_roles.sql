-- one row: a role of $1 the server does not have
select r.name
from unnest($1::text[]) with ordinality as r (name, position)
where not exists (select from pg_catalog.pg_roles where rolname = r.name)
order by r.position

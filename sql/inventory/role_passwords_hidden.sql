-- One row per role, for a login that may not read passwords: a mark that says so.
select 'role' as kind, quote_ident(r.rolname) as name, json_build_object('password', 'not-readable') as detail
from pg_roles r
where r.rolname !~ '^pg_'

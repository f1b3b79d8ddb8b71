-- One row per role with a password, for a login that may read it: a hash of the stored verifier, to tell whether it is the same.
select 'role' as kind, quote_ident(r.rolname) as name,
    json_build_object('password', 'sha256:' || encode(sha256(convert_to(r.rolpassword, 'UTF8')), 'hex')) as detail
from pg_authid r
where r.rolpassword is not null and r.rolname !~ '^pg_'

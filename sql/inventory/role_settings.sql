-- One row per setting of a role (or of all) in every database. A value whose name looks like a secret's is hashed.
select 'role' as kind, case when s.setrole = 0 then 'ALL' else quote_ident(pg_get_userbyid(s.setrole)) end as name,
    json_build_object(
        'setting ' || v.name,
        case when v.name ~* '(pass|secret|token|key|credential)'
            then 'sha256:' || encode(sha256(convert_to(v.value, 'UTF8')), 'hex') else v.value end
    ) as detail
from pg_db_role_setting s
cross join lateral (
    select split_part(c, '=', 1), substr(c, strpos(c, '=') + 1) from unnest(s.setconfig) c) as v (name, value)
where s.setdatabase = 0

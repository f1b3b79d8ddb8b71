-- One row per setting of the database connected to, for all roles or for one. A value whose name looks like a secret's is hashed.
select 'database' as kind, 'this database' as name,
    json_build_object(
        'setting ' || v.name || case when s.setrole = 0 then '' else ' of role ' || quote_ident(pg_get_userbyid(s.setrole)) end,
        case when v.name ~* '(pass|secret|token|key|credential)'
            then 'sha256:' || encode(sha256(convert_to(v.value, 'UTF8')), 'hex') else v.value end
    ) as detail
from pg_db_role_setting s
join pg_database d on d.oid = s.setdatabase
cross join lateral (
    select split_part(c, '=', 1), substr(c, strpos(c, '=') + 1) from unnest(s.setconfig) c) as v (name, value)
where d.datname = current_database()

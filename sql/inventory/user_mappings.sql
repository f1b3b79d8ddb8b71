-- One row per user mapping, for a login that may read them all. The value of an option that looks like a secret is hashed.
select 'user mapping' as kind,
    format('%s on server %I', case when m.umuser = 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(m.umuser)) end, s.srvname) as name,
    json_strip_nulls(json_build_object('options', (
            select string_agg(
                case when o.option_name ~* '(pass|secret|token|key|credential)'
                    then o.option_name || '=sha256:' || encode(sha256(convert_to(o.option_value, 'UTF8')), 'hex')
                    else o.option_name || '=' || o.option_value end,
                ', ' order by o.option_name collate "C")
            from pg_options_to_table(m.umoptions) o))) as detail
from pg_user_mapping m
join pg_foreign_server s on s.oid = m.umserver

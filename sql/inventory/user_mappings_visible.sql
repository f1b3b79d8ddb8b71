-- One row per user mapping, for a login that may not read them all: the options it may see, else a mark that it may not.
select 'user mapping' as kind,
    format('%s on server %I', case when m.umuser = 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(m.umuser)) end, m.srvname) as name,
    json_build_object('options', case when m.umoptions is null then 'not-readable' else (
            select string_agg(
                case when o.option_name ~* '(pass|secret|token|key|credential)'
                    then o.option_name || '=sha256:' || encode(sha256(convert_to(o.option_value, 'UTF8')), 'hex')
                    else o.option_name || '=' || o.option_value end,
                ', ' order by o.option_name collate "C")
            from pg_options_to_table(m.umoptions) o) end) as detail
from pg_user_mappings m

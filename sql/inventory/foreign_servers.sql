-- One row per foreign server. The value of an option that looks like a secret is hashed.
select 'server' as kind, quote_ident(s.srvname) as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(s.srvowner),
        'wrapper', quote_ident(f.fdwname),
        'type', s.srvtype,
        'version', s.srvversion,
        'options', (
            select string_agg(
                case when o.option_name ~* '(pass|secret|token|key|credential)'
                    then o.option_name || '=sha256:' || encode(sha256(convert_to(o.option_value, 'UTF8')), 'hex')
                    else o.option_name || '=' || o.option_value end,
                ', ' order by o.option_name collate "C")
            from pg_options_to_table(s.srvoptions) o)
    )) as detail
from pg_foreign_server s
join pg_foreign_data_wrapper f on f.oid = s.srvfdw
where not exists (select from pg_depend e where e.classid = 'pg_foreign_server'::regclass and e.objid = s.oid and e.deptype = 'e')

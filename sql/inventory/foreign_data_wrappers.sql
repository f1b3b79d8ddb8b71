-- One row per foreign-data wrapper. The value of an option that looks like a secret is hashed.
select 'foreign-data wrapper' as kind, quote_ident(f.fdwname) as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(f.fdwowner),
        'handler', nullif(f.fdwhandler, 0)::regprocedure::text,
        'validator', nullif(f.fdwvalidator, 0)::regprocedure::text,
        'options', (
            select string_agg(
                case when o.option_name ~* '(pass|secret|token|key|credential)'
                    then o.option_name || '=sha256:' || encode(sha256(convert_to(o.option_value, 'UTF8')), 'hex')
                    else o.option_name || '=' || o.option_value end,
                ', ' order by o.option_name collate "C")
            from pg_options_to_table(f.fdwoptions) o)
    )) as detail
from pg_foreign_data_wrapper f
where not exists (select from pg_depend e where e.classid = 'pg_foreign_data_wrapper'::regclass and e.objid = f.oid and e.deptype = 'e')

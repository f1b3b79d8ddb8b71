-- One row per role of the server, other than the predefined ones: what it may do.
select 'role' as kind, quote_ident(r.rolname) as name,
    json_strip_nulls(json_build_object(
        'attributes', concat_ws(', ',
            case when r.rolsuper then 'superuser' end, case when r.rolinherit then 'inherit' else 'noinherit' end,
            case when r.rolcreaterole then 'createrole' end, case when r.rolcreatedb then 'createdb' end,
            case when r.rolcanlogin then 'login' else 'nologin' end, case when r.rolreplication then 'replication' end,
            case when r.rolbypassrls then 'bypassrls' end),
        'connection limit', nullif(r.rolconnlimit, -1)::text,
        'valid until', r.rolvaliduntil::text
    )) as detail
from pg_roles r
where r.rolname !~ '^pg_'

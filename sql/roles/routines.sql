-- One row: a function, procedure or aggregate; of the server's own only those whose privileges somebody, or initdb, changed.
select p.oid, n.nspname::text as schema, p.proname::text as name, p.prokind::text as kind, p.proowner as owner,
    oidvectortypes(p.proargtypes) as arguments, coalesce(p.proacl, acldefault('f', p.proowner))::text[] as acl,
    n.nspname ~ '^pg_' or n.nspname = 'information_schema' as system,
    (select x.extname::text from pg_depend e join pg_extension x on x.oid = e.refobjid
        where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e'
            and e.refclassid = 'pg_extension'::regclass) as extension,
    p.prosecdef as definer,
    (select substr(c.entry, 13) from unnest(p.proconfig) c (entry) where c.entry like 'search\_path=%') as search_path,
    p.prorettype in ('trigger'::regtype, 'event_trigger'::regtype) as trigger
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname !~ '^pg_temp' and (p.proacl is not null or n.nspname not in ('pg_catalog', 'information_schema'))
    and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'i')
order by n.nspname collate "C", p.proname collate "C", 6

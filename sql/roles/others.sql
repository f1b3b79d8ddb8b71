-- One row: what is neither relation nor routine and can be granted: kind, number, schema, name, owner, access list.
select o.kind, o.oid, o.schema, o.name, o.owner, o.acl::text[] as acl, o.system,
    (select x.extname::text from pg_depend e join pg_extension x on x.oid = e.refobjid
        where e.classid = o.classid and e.objid = o.oid and e.deptype = 'e'
            and e.refclassid = 'pg_extension'::regclass) as extension
from (
    select 'schema' as kind, 'pg_namespace'::regclass::oid as classid, n.oid, null as schema, n.nspname::text as name, n.nspowner as owner,
        coalesce(n.nspacl, acldefault('n', n.nspowner)) as acl, n.nspname ~ '^pg_' or n.nspname = 'information_schema' as system
    from pg_namespace n
    where n.nspname !~ '^pg_(toast|temp)'
    union all
    select case t.typtype when 'd' then 'domain' else 'type' end, 'pg_type'::regclass, t.oid, n.nspname::text, t.typname::text, t.typowner,
        coalesce(t.typacl, acldefault('T', t.typowner)), false
    from pg_type t
    join pg_namespace n on n.oid = t.typnamespace
    left join pg_class c on c.oid = t.typrelid
    where (t.typrelid = 0 or c.relkind = 'c') and t.typtype <> 'm' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and not exists (select from pg_type l where l.typarray = t.oid)
    union all
    select 'language', 'pg_language'::regclass, l.oid, null, l.lanname::text, l.lanowner, coalesce(l.lanacl, acldefault('l', l.lanowner)), false
    from pg_language l
    where l.lanpltrusted
    union all
    select 'foreign-data-wrapper', 'pg_foreign_data_wrapper'::regclass, f.oid, null, f.fdwname::text, f.fdwowner,
        coalesce(f.fdwacl, acldefault('F', f.fdwowner)), false
    from pg_foreign_data_wrapper f
    union all
    select 'foreign-server', 'pg_foreign_server'::regclass, s.oid, null, s.srvname::text, s.srvowner,
        coalesce(s.srvacl, acldefault('S', s.srvowner)), false
    from pg_foreign_server s
    union all
    select 'tablespace', 'pg_tablespace'::regclass, t.oid, null, t.spcname::text, t.spcowner,
        coalesce(t.spcacl, acldefault('t', t.spcowner)), false
    from pg_tablespace t
    where t.spcname !~ '^pg_'
    union all
    select 'large-object', 'pg_largeobject'::regclass, l.oid, null, l.oid::text, l.lomowner,
        coalesce(l.lomacl, acldefault('L', l.lomowner)), false
    from pg_largeobject_metadata l
) o
order by o.kind, o.schema collate "C", o.name collate "C"

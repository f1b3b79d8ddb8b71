-- One row per object that can be granted: who may do what, "grantee=PRIVILEGE,PRIVILEGE*/grantor", * for the right to grant it on.
-- No list and a list that says what the default says are the same.
with object (classid, objid, objsubid, acl) as (
    select 'pg_class'::regclass::oid, c.oid, 0, coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
    union all
    select 'pg_class'::regclass, c.oid, a.attnum, a.attacl
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    join pg_namespace n on n.oid = c.relnamespace
    where a.attacl <> '{}' and not a.attisdropped and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
    union all
    select 'pg_proc'::regclass, p.oid, 0, coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype in ('e', 'i'))
    union all
    select 'pg_type'::regclass, t.oid, 0, coalesce(t.typacl, acldefault('T', t.typowner))
    from pg_type t
    join pg_namespace n on n.oid = t.typnamespace
    left join pg_class c on c.oid = t.typrelid
    where (t.typrelid = 0 or c.relkind = 'c') and t.typtype <> 'm' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and not exists (select from pg_type l where l.typarray = t.oid)
        and not exists (select from pg_depend e where e.classid = 'pg_type'::regclass and e.objid = t.oid and e.deptype = 'e')
    union all
    select 'pg_namespace'::regclass, n.oid, 0, coalesce(n.nspacl, acldefault('n', n.nspowner))
    from pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and not exists (select from pg_depend e where e.classid = 'pg_namespace'::regclass and e.objid = n.oid and e.deptype = 'e')
    union all
    select 'pg_language'::regclass, l.oid, 0, coalesce(l.lanacl, acldefault('l', l.lanowner))
    from pg_language l
    where l.oid >= 16384
        and not exists (select from pg_depend e where e.classid = 'pg_language'::regclass and e.objid = l.oid and e.deptype = 'e')
    union all
    select 'pg_foreign_data_wrapper'::regclass, f.oid, 0, coalesce(f.fdwacl, acldefault('F', f.fdwowner))
    from pg_foreign_data_wrapper f
    where not exists (select from pg_depend e where e.classid = 'pg_foreign_data_wrapper'::regclass and e.objid = f.oid and e.deptype = 'e')
    union all
    select 'pg_foreign_server'::regclass, s.oid, 0, coalesce(s.srvacl, acldefault('S', s.srvowner))
    from pg_foreign_server s
    where not exists (select from pg_depend e where e.classid = 'pg_foreign_server'::regclass and e.objid = s.oid and e.deptype = 'e')
    union all
    select 'pg_default_acl'::regclass, d.oid, 0, d.defaclacl
    from pg_default_acl d
    union all
    select 'pg_tablespace'::regclass, t.oid, 0, coalesce(t.spcacl, acldefault('t', t.spcowner))
    from pg_tablespace t
    where t.spcname !~ '^pg_'
    union all
    select 'pg_database'::regclass, d.oid, 0, coalesce(d.datacl, acldefault('d', d.datdba))
    from pg_database d
    where d.datname = current_database()
), entry as (
    select o.classid, o.objid, o.objsubid,
        case when x.grantee = 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(x.grantee)) end
            || '=' || string_agg(x.privilege_type || case when x.is_grantable then '*' else '' end, ',' order by x.privilege_type collate "C")
            || '/' || quote_ident(pg_get_userbyid(x.grantor)) as text
    from object o
    cross join lateral aclexplode(o.acl) x
    group by o.classid, o.objid, o.objsubid, x.grantee, x.grantor
)
select case when i.type like '% column' then 'column' else i.type end as kind,
    case when i.type = 'database' then 'this database' else i.identity end as name,
    json_build_object('privileges', coalesce(string_agg(e.text, ' ' order by e.text collate "C"), 'none')) as detail
from object o
left join entry e on e.classid = o.classid and e.objid = o.objid and e.objsubid = o.objsubid
cross join lateral pg_identify_object(o.classid, o.objid, o.objsubid) i
group by i.type, i.identity

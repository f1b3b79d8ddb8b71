-- One row per object of pg_catalog or of an extension whose privileges are no longer those it was made with. Those of
-- information_schema are left out: pg_dump does not keep them.
with candidate (classid, objid, objsubid, acl, standard) as (
    select 'pg_class'::regclass::oid, c.oid, 0, c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner)
    from pg_class c
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        and (c.relnamespace = 'pg_catalog'::regnamespace or exists (
            select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e'))
    union all
    select 'pg_class'::regclass, c.oid, a.attnum, a.attacl, '{}'
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    left join pg_init_privs i on i.classoid = 'pg_class'::regclass and i.objoid = c.oid and i.objsubid = a.attnum
    where (a.attacl is not null or i.objoid is not null) and not a.attisdropped
        and (c.relnamespace = 'pg_catalog'::regnamespace or exists (
            select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e'))
    union all
    select 'pg_proc'::regclass, p.oid, 0, p.proacl, acldefault('f', p.proowner)
    from pg_proc p
    where p.pronamespace = 'pg_catalog'::regnamespace or exists (
        select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
    union all
    select 'pg_type'::regclass, t.oid, 0, t.typacl, acldefault('T', t.typowner)
    from pg_type t
    where t.typnamespace = 'pg_catalog'::regnamespace or exists (
        select from pg_depend e where e.classid = 'pg_type'::regclass and e.objid = t.oid and e.deptype = 'e')
    union all
    select 'pg_namespace'::regclass, n.oid, 0, n.nspacl, acldefault('n', n.nspowner)
    from pg_namespace n
    where n.nspname = 'pg_catalog' or exists (
        select from pg_depend e where e.classid = 'pg_namespace'::regclass and e.objid = n.oid and e.deptype = 'e')
    union all
    select 'pg_language'::regclass, l.oid, 0, l.lanacl, acldefault('l', l.lanowner)
    from pg_language l
    where l.oid < 16384 or exists (
        select from pg_depend e where e.classid = 'pg_language'::regclass and e.objid = l.oid and e.deptype = 'e')
    union all
    select 'pg_foreign_data_wrapper'::regclass, f.oid, 0, f.fdwacl, acldefault('F', f.fdwowner)
    from pg_foreign_data_wrapper f
    where exists (
        select from pg_depend e where e.classid = 'pg_foreign_data_wrapper'::regclass and e.objid = f.oid and e.deptype = 'e')
    union all
    select 'pg_foreign_server'::regclass, s.oid, 0, s.srvacl, acldefault('S', s.srvowner)
    from pg_foreign_server s
    where exists (
        select from pg_depend e where e.classid = 'pg_foreign_server'::regclass and e.objid = s.oid and e.deptype = 'e')
), object (classid, objid, objsubid, acl, initial) as (
    select c.classid, c.objid, c.objsubid, coalesce(c.acl, c.standard), coalesce(i.initprivs, c.standard)
    from candidate c
    left join pg_init_privs i on i.classoid = c.classid and i.objoid = c.objid and i.objsubid = c.objsubid
    where c.acl is distinct from i.initprivs
), entry as (
    select o.classid, o.objid, o.objsubid,
        case when x.grantee = 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(x.grantee)) end
            || '=' || string_agg(x.privilege_type || case when x.is_grantable then '*' else '' end, ',' order by x.privilege_type collate "C")
            || '/' || quote_ident(pg_get_userbyid(x.grantor)) as text
    from object o
    cross join lateral aclexplode(o.acl) x
    group by o.classid, o.objid, o.objsubid, x.grantee, x.grantor
)
select 'system privileges' as kind, format('on %s %s', i.type, i.identity) as name,
    json_build_object('privileges', coalesce(string_agg(e.text, ' ' order by e.text collate "C"), 'none')) as detail
from object o
left join entry e on e.classid = o.classid and e.objid = o.objid and e.objsubid = o.objsubid
cross join lateral pg_identify_object(o.classid, o.objid, o.objsubid) i
where exists (select a from unnest(o.acl) a except select b from unnest(o.initial) b)
    or exists (select b from unnest(o.initial) b except select a from unnest(o.acl) a)
group by i.type, i.identity

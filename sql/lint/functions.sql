-- One row is one function in SQL or PL/pgSQL, its text not parsed by the server and without a search_path of its own, that runs while
-- a backup is restored (in a check, an index, a generated column, a partition key or a materialised view; behind an operator, too),
-- with one of those that run it, and whether the server can judge its text: it does not with polymorphic arguments.
select
    n.nspname::text as schema,
    p.proname::text as name,
    pg_catalog.pg_get_function_identity_arguments(p.oid) as arguments,
    p.prosrc as body,
    p.oid,
    l.lanname = 'sql'
    and not exists (
        select
        from pg_catalog.pg_type as t
        where (t.oid = any (p.proargtypes) or t.oid = p.prorettype) and t.typtype = 'p' and t.typname ~ '^any'
    ) as judged,
    l.lanname = 'plpgsql' and p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype as plpgsql,
    u.user as used_by
from pg_catalog.pg_proc as p
join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
join pg_catalog.pg_language as l on l.oid = p.prolang
cross join lateral (
    select min(i.type || ' ' || i.identity) as user
    from pg_catalog.pg_depend as d
    left join pg_catalog.pg_rewrite as w
        on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and w.oid = d.objid
    left join pg_catalog.pg_class as v on v.oid = w.ev_class and v.relkind = 'm'
    left join pg_catalog.pg_constraint as k
        on d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and k.oid = d.objid and k.contype = 'c'
    left join pg_catalog.pg_class as x
        on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and x.oid = d.objid and x.relkind in ('i', 'I', 'p')
    left join pg_catalog.pg_attrdef as f
        on d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and f.oid = d.objid
    left join pg_catalog.pg_attribute as a
        on a.attrelid = f.adrelid and a.attnum = f.adnum and a.attgenerated <> ''
    cross join lateral pg_catalog.pg_identify_object(
        case when v.oid is not null then 'pg_catalog.pg_class'::pg_catalog.regclass else d.classid end,
        coalesce(v.oid, d.objid), 0
    ) as i
    where
        (
            d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.refobjid = p.oid
            or d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass
            and d.refobjid in (select o.oid from pg_catalog.pg_operator as o where o.oprcode = p.oid)
        )
        and d.deptype in ('n', 'a')
        and (v.oid is not null or k.oid is not null or x.oid is not null or a.attrelid is not null)
) as u
where
    l.lanname in ('sql', 'plpgsql')
    and p.prosqlbody is null
    and not exists (select from unnest(p.proconfig) as c (setting) where c.setting ~ '^search_path=')
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and u.user is not null
    and not exists (
        select
        from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e'
    )
order by n.nspname, p.proname, arguments

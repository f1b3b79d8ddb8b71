-- One row per transform that somebody made.
select 'transform' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'from sql', nullif(t.trffromsql::oid, 0)::regprocedure::text,
        'to sql', nullif(t.trftosql::oid, 0)::regprocedure::text
    )) as detail
from pg_transform t
cross join lateral pg_identify_object('pg_transform'::regclass, t.oid, 0) i
where t.oid >= 16384
    and not exists (select from pg_depend e where e.classid = 'pg_transform'::regclass and e.objid = t.oid and e.deptype = 'e')

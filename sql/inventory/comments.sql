-- One row per comment on an object of this database. Left out: the server's own objects, extensions' members and large objects.
select case when i.type like '% column' then 'column' else i.type end as kind, i.identity as name, json_build_object('comment', d.description) as detail
from pg_description d
cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) i
where (d.objoid >= 16384 or d.classoid = 'pg_namespace'::regclass and d.objoid = 'public'::regnamespace)
    and d.classoid <> 'pg_largeobject'::regclass
    and not exists (select from pg_depend e where e.classid = d.classoid and e.objid = d.objoid and e.deptype = 'e')
    and not (d.classoid = 'pg_extension'::regclass and i.identity = 'plpgsql')
    and i.identity !~ '(^| on )pg_(temp|toast)'

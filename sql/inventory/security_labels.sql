-- One row per security label on an object of this database. Left out: extensions' members and large objects.
select case when i.type like '% column' then 'column' else i.type end as kind, i.identity as name,
    json_build_object('security label for ' || l.provider, l.label) as detail
from pg_seclabel l
cross join lateral pg_identify_object(l.classoid, l.objoid, l.objsubid) i
where l.classoid <> 'pg_largeobject'::regclass

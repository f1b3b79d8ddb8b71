-- One row is one event trigger, with its owner and whether that is a superuser, as the owner of one must be.
select t.evtname::text as name, r.rolname::text as owner, r.rolsuper as superuser
from pg_catalog.pg_event_trigger as t
join pg_catalog.pg_roles as r on r.oid = t.evtowner
where
    not exists (
        select
        from pg_catalog.pg_depend as d
        where
            d.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass and d.objid = t.oid and d.deptype = 'e'
    )
order by t.evtname

-- One row per access method that somebody made.
select 'access method' as kind, quote_ident(a.amname) as name,
    json_build_object('type', case a.amtype when 't' then 'table' else 'index' end, 'handler', a.amhandler::oid::regprocedure::text) as detail
from pg_am a
where a.oid >= 16384
    and not exists (select from pg_depend e where e.classid = 'pg_am'::regclass and e.objid = a.oid and e.deptype = 'e')

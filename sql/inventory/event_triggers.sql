-- One row per event trigger.
select 'event trigger' as kind, quote_ident(t.evtname) as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(t.evtowner),
        'event', t.evtevent,
        'function', t.evtfoid::regprocedure::text,
        'enabled', case t.evtenabled when 'O' then 'origin' when 'D' then 'disabled' when 'R' then 'replica' else 'always' end,
        'tags', (select string_agg(g, ', ' order by g collate "C") from unnest(t.evttags) g)
    )) as detail
from pg_event_trigger t
where not exists (select from pg_depend e where e.classid = 'pg_event_trigger'::regclass and e.objid = t.oid and e.deptype = 'e')

-- One row per procedural language that does not come from an extension.
select 'language' as kind, quote_ident(l.lanname) as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(l.lanowner),
        'trusted', l.lanpltrusted::text,
        'handler', nullif(l.lanplcallfoid, 0)::regprocedure::text,
        'inline', nullif(l.laninline, 0)::regprocedure::text,
        'validator', nullif(l.lanvalidator, 0)::regprocedure::text
    )) as detail
from pg_language l
where l.oid >= 16384
    and not exists (select from pg_depend e where e.classid = 'pg_language'::regclass and e.objid = l.oid and e.deptype = 'e')

-- One row per publication: what it publishes. Its tables and schemas follow in queries of their own.
select 'publication' as kind, quote_ident(p.pubname) as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(p.pubowner),
        'all tables', case when p.puballtables then 'yes' end,
        'publish', concat_ws(', ', case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
            case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end),
        'via root', case when p.pubviaroot then 'yes' end,
        'generated columns', nullif(to_jsonb(p) ->> 'pubgencols', 'n')
    )) as detail
from pg_publication p
where not exists (select from pg_depend e where e.classid = 'pg_publication'::regclass and e.objid = p.oid and e.deptype = 'e')

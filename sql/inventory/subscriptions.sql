-- One row per subscription of this database. Only what everybody may read: no connection string.
select 'subscription' as kind, quote_ident(s.subname) as name,
    json_build_object(
        'owner', pg_get_userbyid(s.subowner),
        'publications', (select string_agg(quote_ident(p), ', ' order by p collate "C") from unnest(s.subpublications) p)
    ) as detail
from pg_subscription s
where s.subdbid = (select d.oid from pg_database d where d.datname = current_database())

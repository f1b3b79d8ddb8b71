-- One row per table of a publication, before PostgreSQL 15.
select 'publication' as kind, quote_ident(p.pubname) as name,
    json_build_object(format('table %I.%I', n.nspname, c.relname), 'all columns') as detail
from pg_publication_rel r
join pg_publication p on p.oid = r.prpubid
join pg_class c on c.oid = r.prrelid
join pg_namespace n on n.oid = c.relnamespace

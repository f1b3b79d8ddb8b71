-- One row per schema of a publication, from PostgreSQL 15 on.
select 'publication' as kind, quote_ident(p.pubname) as name,
    json_build_object(format('schema %I', n.nspname), 'all tables') as detail
from pg_publication_namespace s
join pg_publication p on p.oid = s.pnpubid
join pg_namespace n on n.oid = s.pnnspid

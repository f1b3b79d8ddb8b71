-- One row per table of a publication, from PostgreSQL 15 on: its column list and row filter.
select 'publication' as kind, quote_ident(p.pubname) as name,
    json_build_object(
        format('table %I.%I', n.nspname, c.relname),
        coalesce((
            select 'columns ' || string_agg(quote_ident(a.attname), ', ' order by a.attname collate "C")
            from pg_attribute a where a.attrelid = c.oid and a.attnum = any (r.prattrs::int2[])), 'all columns')
        || coalesce(' where ' || pg_get_expr(r.prqual, r.prrelid), '')
    ) as detail
from pg_publication_rel r
join pg_publication p on p.oid = r.prpubid
join pg_class c on c.oid = r.prrelid
join pg_namespace n on n.oid = c.relnamespace

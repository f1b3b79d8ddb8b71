-- One row per extension. Left out: plpgsql, which every database is born with, and owners, which pg_dump cannot set.
select 'extension' as kind, quote_ident(x.extname) as name,
    json_strip_nulls(json_build_object(
        'version', x.extversion,
        'schema', quote_ident(n.nspname),
        'configuration', (
            select string_agg(format('%I.%I %s', cn.nspname, c.relname, x.extcondition[t.place]), ', ' order by cn.nspname collate "C", c.relname collate "C")
            from unnest(x.extconfig) with ordinality as t (relation, place)
            join pg_class c on c.oid = t.relation
            join pg_namespace cn on cn.oid = c.relnamespace)
    )) as detail
from pg_extension x
join pg_namespace n on n.oid = x.extnamespace
where x.extname <> 'plpgsql'

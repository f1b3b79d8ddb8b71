-- One row per type that somebody made: enums, domains, composites, ranges, base types and shells. Left out: the types of tables,
-- arrays and multiranges, which come with another type. A composite's attributes are columns.
select 'type' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(t.typowner),
        'kind', case when not t.typisdefined then 'shell' else case t.typtype
            when 'b' then 'base' when 'c' then 'composite' when 'd' then 'domain' when 'e' then 'enum' when 'r' then 'range' else 'pseudo' end end,
        'labels', (select string_agg(quote_literal(l.enumlabel), ', ' order by l.enumsortorder) from pg_enum l where l.enumtypid = t.oid),
        'base type', case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
        'not null', case when t.typnotnull then 'yes' end,
        'default', t.typdefault,
        'collation', case when t.typtype in ('b', 'd') then nullif(t.typcollation, 0)::regcollation::text end
    )) as detail
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_class c on c.oid = t.typrelid
cross join lateral pg_identify_object('pg_type'::regclass, t.oid, 0) i
where (t.typrelid = 0 or c.relkind = 'c')
    and t.typtype <> 'm'
    and not exists (select from pg_type e where e.typarray = t.oid)
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_type'::regclass and e.objid = t.oid and e.deptype = 'e')

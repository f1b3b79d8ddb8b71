-- One row per column of a table, view, materialised view, foreign table or composite type. A default is left out. By name:
-- a restore may change the order. Whether a column is inherited is not told: it follows from the table's parents. The option pg_attver
-- is a stamp some minor releases put on every column by themselves (seen in 17.12): pg_dump leaves it out, and so does this.
select 'column' as kind, format('%I.%I.%I', n.nspname, c.relname, a.attname) as name,
    json_strip_nulls(json_build_object(
        'type', format_type(a.atttypid, a.atttypmod),
        'collation', case when a.attcollation <> t.typcollation then (
            select format('%I.%I', cn.nspname, co.collname)
            from pg_collation co join pg_namespace cn on cn.oid = co.collnamespace where co.oid = a.attcollation) end,
        'not null', case when a.attnotnull then
            'yes' || case when nn.connoinherit then ' no inherit' else '' end
                || case when not nn.convalidated then ' not valid' else '' end end,
        'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
        'generated', case a.attgenerated when 's' then 'stored' when 'v' then 'virtual' end,
        'default', pg_get_expr(d.adbin, d.adrelid),
        'storage', case when a.attstorage <> t.typstorage then
            case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end end,
        'compression', case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end,
        'statistics target', nullif(a.attstattarget, -1)::text,
        'options', (select string_agg(o, ', ' order by o collate "C") from unnest(a.attoptions) o where o !~ '^pg_attver='),
        'foreign options', case when a.attfdwoptions is not null then (
            select string_agg(o.option_name || '=' || o.option_value, ', ' order by o.option_name collate "C")
            from pg_options_to_table(a.attfdwoptions) o) end
    )) as detail
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_constraint nn on nn.conrelid = a.attrelid and nn.contype = 'n' and nn.conkey = array[a.attnum]
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'c') and a.attnum > 0 and not a.attisdropped
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')

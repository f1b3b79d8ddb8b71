-- One row per index. An invalid index of a plain table is a failed build, which pg_dump leaves behind: so does this.
select 'index' as kind, format('%I.%I', n.nspname, ic.relname) as name,
    json_strip_nulls(json_build_object(
        'definition', pg_get_indexdef(i.indexrelid),
        'valid', case when not i.indisvalid then 'no' end,
        'clustered', case when i.indisclustered then 'yes' end,
        'replica identity', case when i.indisreplident then 'yes' end,
        'tablespace', ts.spcname,
        'parent', (
            select format('%I.%I', pn.nspname, p.relname)
            from pg_inherits h
            join pg_class p on p.oid = h.inhparent
            join pg_namespace pn on pn.oid = p.relnamespace
            where h.inhrelid = i.indexrelid),
        'statistics targets', (
            select string_agg(a.attnum || '=' || a.attstattarget, ', ' order by a.attnum)
            from pg_attribute a where a.attrelid = i.indexrelid and a.attstattarget >= 0)
    )) as detail
from pg_index i
join pg_class ic on ic.oid = i.indexrelid
join pg_class c on c.oid = i.indrelid
join pg_namespace n on n.oid = ic.relnamespace
left join pg_tablespace ts on ts.oid = ic.reltablespace
where (i.indisvalid or c.relkind = 'p')
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')

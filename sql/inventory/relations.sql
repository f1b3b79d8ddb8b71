-- One row per table, view, materialised view and foreign table. A default is left out, so that what is there was chosen.
select
    case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table' end as kind,
    format('%I.%I', n.nspname, c.relname) as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(c.relowner),
        'persistence', case c.relpersistence when 'u' then 'unlogged' end,
        'access method', nullif(am.amname, 'heap'),
        'tablespace', ts.spcname,
        'options', (select string_agg(o, ', ' order by o collate "C") from unnest(c.reloptions) o),
        'toast options', (select string_agg(o, ', ' order by o collate "C") from unnest(toast.reloptions) o),
        'row security', case when c.relrowsecurity then 'enabled' end,
        'force row security', case when c.relforcerowsecurity then 'yes' end,
        'replica identity', case c.relreplident when 'n' then 'nothing' when 'f' then 'full' when 'i' then 'index' end,
        'of type', case when c.reloftype <> 0 then format_type(c.reloftype, null) end,
        'partition key', case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
        'partition bound', pg_get_expr(c.relpartbound, c.oid),
        'inherits', (
            select string_agg(format('%I.%I', pn.nspname, p.relname), ', ' order by i.inhseqno)
            from pg_inherits i
            join pg_class p on p.oid = i.inhparent
            join pg_namespace pn on pn.oid = p.relnamespace
            where i.inhrelid = c.oid),
        'definition', case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
        'populated', case when c.relkind = 'm' then c.relispopulated::text end,
        'server', quote_ident(fs.srvname),
        'foreign options', case when ft.ftoptions is not null then (
            select string_agg(
                case when o.option_name ~* '(pass|secret|token|key|credential)'
                    then o.option_name || '=sha256:' || encode(sha256(convert_to(o.option_value, 'UTF8')), 'hex')
                    else o.option_name || '=' || o.option_value end,
                ', ' order by o.option_name collate "C")
            from pg_options_to_table(ft.ftoptions) o) end
    )) as detail
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_am am on am.oid = c.relam
left join pg_tablespace ts on ts.oid = c.reltablespace
left join pg_class toast on toast.oid = c.reltoastrelid and c.reltoastrelid <> 0
left join pg_foreign_table ft on ft.ftrelid = c.oid
left join pg_foreign_server fs on fs.oid = ft.ftserver
where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')

-- One row: a table, view, materialised view, foreign table or sequence, the server's own catalogs too. What a view
-- reads is in views.sql, columns are in columns.sql.
select c.oid, n.nspname::text as schema, c.relname::text as name, c.relkind::text as kind, c.relowner as owner,
    coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))::text[] as acl,
    n.nspname ~ '^pg_' or n.nspname = 'information_schema' as system,
    (select x.extname::text from pg_depend e join pg_extension x on x.oid = e.refobjid
        where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.objsubid = 0 and e.deptype = 'e'
            and e.refclassid = 'pg_extension'::regclass) as extension,
    i.inhparent as partition_of,
    array(select h.inhparent from pg_inherits h where h.inhrelid = c.oid and not c.relispartition order by h.inhseqno) as inherits, c.relrowsecurity as row_security, c.relforcerowsecurity as forced,
    coalesce((select o.option_value::bool from pg_options_to_table(c.reloptions) o where o.option_name = 'security_invoker'), false)
        as security_invoker,
    coalesce((select o.option_value::bool from pg_options_to_table(c.reloptions) o where o.option_name = 'security_barrier'), false)
        as security_barrier
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_inherits i on c.relispartition and i.inhrelid = c.oid
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^pg_(toast|temp)'
order by n.nspname collate "C", c.relname collate "C"

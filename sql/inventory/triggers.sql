-- One row per trigger that somebody made, partitions' copies included. Left out: the server's own, for foreign keys.
select 'trigger' as kind, format('%I on %I.%I', t.tgname, n.nspname, c.relname) as name,
    json_build_object(
        'definition', pg_get_triggerdef(t.oid),
        'enabled', case t.tgenabled when 'O' then 'origin' when 'D' then 'disabled' when 'R' then 'replica' else 'always' end
    ) as detail
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
join pg_namespace n on n.oid = c.relnamespace
where not t.tgisinternal
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')

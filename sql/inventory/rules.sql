-- One row per rewrite rule, other than the one that makes a view a view.
select 'rule' as kind, format('%I on %I.%I', r.rulename, n.nspname, c.relname) as name,
    json_build_object(
        'definition', pg_get_ruledef(r.oid),
        'enabled', case r.ev_enabled when 'O' then 'origin' when 'D' then 'disabled' when 'R' then 'replica' else 'always' end
    ) as detail
from pg_rewrite r
join pg_class c on c.oid = r.ev_class
join pg_namespace n on n.oid = c.relnamespace
where r.ev_type <> '1'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')

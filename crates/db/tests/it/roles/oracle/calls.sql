-- One row: a routine with a statement that calls it; arguments are unknown until it runs, so that nothing is computed before.
select p.oid, case p.prokind when 'p' then 'call ' else 'explain select ' end
    || quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '('
    || coalesce((select string_agg(
        case when p.provariadic <> 0 and t.place = p.pronargs then 'variadic ' else '' end || case p.prokind when 'p' then 'null::' else '(select null::' end
        || case when t.type = any ('{anyelement,anynonarray,anycompatible,anycompatiblenonarray}'::regtype[]) then 'integer'
            when t.type = any ('{anyarray,anycompatiblearray}'::regtype[]) then 'integer[]' else format_type(t.type, null) end
        || case p.prokind when 'p' then '' else ')' end, ', ' order by t.place)
        from unnest(p.proargtypes::oid[]) with ordinality t (type, place)), '') || ')'
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname not in ('pg_catalog', 'information_schema') and p.prokind <> 'w'
    and not exists (select from unnest(p.proargtypes::oid[]) t (type) join pg_type y on y.oid = t.type
        where y.typtype = 'p' and y.typname !~ '^any(element|nonarray|compatible|compatiblenonarray|array|compatiblearray)$')

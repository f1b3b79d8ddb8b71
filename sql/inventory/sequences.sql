-- One row per sequence: its parameters and the column it belongs to. Its value is not here: it is not transactional.
select 'sequence' as kind, format('%I.%I', n.nspname, c.relname) as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(c.relowner),
        'persistence', case c.relpersistence when 'u' then 'unlogged' end,
        'type', format_type(s.seqtypid, null),
        'parameters', format('start %s, increment %s, minimum %s, maximum %s, cache %s%s', s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
            s.seqcache, case when s.seqcycle then ', cycle' else '' end),
        'owned by', (
            select format('%I.%I.%I', tn.nspname, t.relname, a.attname)
            from pg_depend d
            join pg_class t on t.oid = d.refobjid
            join pg_namespace tn on tn.oid = t.relnamespace
            join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
            where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
                and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i'))
    )) as detail
from pg_sequence s
join pg_class c on c.oid = s.seqrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')

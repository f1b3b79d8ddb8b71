-- One row: a sequence, how far it is, and where it ends: its own bound or that of the column it fills, whichever comes first. A null
-- `last_value` with `readable` false: not permitted; with `readable` true: never used.
select n.nspname::text as schema, c.relname::text as name, has_sequence_privilege(c.oid, 'select,usage') as readable,
    s.seqincrement as increment, s.seqcycle as cycles, s.seqstart as start,
    case when has_sequence_privilege(c.oid, 'select,usage') then pg_sequence_last_value(c.oid) end as last_value,
    greatest(s.seqmin, b.least) as least, least(s.seqmax, b.most) as most,
    case when o.attname is not null then quote_ident(o.nspname) || '.' || quote_ident(o.relname) || '.' || quote_ident(o.attname) end as fills
from pg_sequence s
join pg_class c on c.oid = s.seqrelid
join pg_namespace n on n.oid = c.relnamespace
left join lateral (
    select tn.nspname, t.relname, a.attname, a.atttypid
    from pg_depend d
    join pg_class t on t.oid = d.refobjid
    join pg_namespace tn on tn.oid = t.relnamespace
    join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
    limit 1
) o on true
left join lateral (
    select case o.atttypid when 'int2'::regtype then -32768 when 'int4'::regtype then -2147483648 end::int8 as least,
        case o.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647 end::int8 as most
) b on true
where c.relpersistence <> 't'

-- One row: a view or materialised view: the relations it reads with the columns (0: the relation as a whole, or no column of it),
-- the routines it calls, and which statements it passes on to what it reads (bits: 1 << CmdType of PostgreSQL).
select c.oid as relation, coalesce(d.calls, '{}') as calls, coalesce(d.reads, '{}') as reads, coalesce(d.numbers, '{}') as numbers,
    u.events & 8 <> 0 as inserts, u.events & 4 <> 0 as updates, u.events & 16 <> 0 as deletes
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (select case c.relkind when 'v' then pg_relation_is_updatable(c.oid, true) else 0 end as events) u
left join lateral (
    select array_agg(d.refobjid) filter (where d.refclassid = 'pg_proc'::regclass) as calls,
        array_agg(d.refobjid order by d.refobjid, d.refobjsubid) filter (where d.refclassid = 'pg_class'::regclass) as reads,
        array_agg(d.refobjsubid::int2 order by d.refobjid, d.refobjsubid) filter (where d.refclassid = 'pg_class'::regclass) as numbers
    from (select distinct e.refclassid, e.refobjid, e.refobjsubid
        from pg_rewrite w
        join pg_depend e on e.classid = 'pg_rewrite'::regclass and e.objid = w.oid
        where w.ev_class = c.oid and w.ev_type = '1' and e.refobjid <> c.oid) d
) d on true
where c.relkind in ('v', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'

-- One row per CHECK constraint of a domain.
select 'domain constraint' as kind, format('%I on %I.%I', k.conname, n.nspname, t.typname) as name,
    json_build_object('definition', pg_get_constraintdef(k.oid)) as detail
from pg_constraint k
join pg_type t on t.oid = k.contypid
join pg_namespace n on n.oid = t.typnamespace
where k.contype = 'c'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_type'::regclass and e.objid = t.oid and e.deptype = 'e')

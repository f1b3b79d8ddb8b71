-- One row per constraint of a table. Left out: foreign keys that the server derives from a partitioned table's own (their names
-- are its choice), NOT NULL constraints (told with the column; their names are the server's) and constraint triggers (told as triggers).
select 'table constraint' as kind, format('%I on %I.%I', k.conname, n.nspname, c.relname) as name,
    json_build_object('definition', pg_get_constraintdef(k.oid)) as detail
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
where (k.contype in ('c', 'p', 'u', 'x') or k.contype = 'f' and k.conparentid = 0)
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')

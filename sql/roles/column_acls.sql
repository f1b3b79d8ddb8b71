-- One row: a column that something was granted on.
select a.attrelid as relation, a.attnum as number, a.attacl::text[] as acl
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where a.attacl is not null and not a.attisdropped and a.attnum > 0
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'

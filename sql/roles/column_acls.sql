-- One row: a column that something was granted on.
select a.attrelid as relation, a.attnum as number, a.attacl::text[] as acl
from pg_attribute a
where a.attacl is not null and not a.attisdropped and a.attnum > 0

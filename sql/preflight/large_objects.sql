-- One row: how many large objects there are, and how many this login cannot read (PostgreSQL 18 and later, which says so itself).
select
    count(*) as objects,
    count(*) filter (where not pg_catalog.has_largeobject_privilege(m.oid, 'select')) as unreadable
from pg_catalog.pg_largeobject_metadata as m

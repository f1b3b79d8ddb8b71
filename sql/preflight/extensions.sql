-- One row is one extension of the database with its version.
select x.extname::text as name, x.extversion as version
from pg_catalog.pg_extension as x
order by x.extname

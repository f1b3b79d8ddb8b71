-- One row is one extension this server could create, with the version it would get.
select x.name::text as name, coalesce(x.default_version, '') as version
from pg_catalog.pg_available_extensions as x
order by x.name

-- One row per catalog named in $1: whether this login may read all of it, and the server's version.
select c.name, has_table_privilege(c.name, 'select') as readable, current_setting('server_version_num')::int as version
from unnest($1::text[]) as c (name)

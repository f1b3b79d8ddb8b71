-- one row: a migration the history says was applied, as JSON text, so that an edited table is still readable
select to_jsonb(h)::text as entry
from ops.schema_history as h
order by h.version

-- One row: whether replay waits for somebody's query just now; null where the login may not see it (pg_monitor may).
select
    bool_or(
        a.wait_event like 'RecoveryConflict%' or a.wait_event_type = 'Lock'
    ) filter (where a.backend_type = 'startup') as waiting
from pg_catalog.pg_stat_activity as a

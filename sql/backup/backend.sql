-- At most one row: what the server's process $1 does, as far as the login may see it: whether it works on a statement, whether it waits
-- for what it sends to be taken, and since when it is so.
select
    a.state = 'active' as active,
    coalesce(a.wait_event_type = 'Client' and a.wait_event = 'ClientWrite', false) as sending,
    a.state_change as since
from pg_catalog.pg_stat_activity as a
where a.pid = $1

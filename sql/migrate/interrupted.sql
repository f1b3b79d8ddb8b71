-- one row: a version whose last run outside of a transaction failed or was never heard of again
select last.version, last.outcome
from (
    select distinct on (l.version) l.version, l.outcome
    from ops.migration_log as l
    where l.action = 'apply'
    order by l.version, l.id desc
) as last
where last.outcome <> 'done'
order by last.version

-- one row: a version, and the backup that was taken before it was applied the last time
select distinct on (version) version, backup_id
from ops.migration_log
where action = 'apply' and outcome = 'done'
order by version, id desc

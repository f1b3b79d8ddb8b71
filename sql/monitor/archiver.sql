-- One row: how archiving of WAL goes. Everybody may see the counters; the files that wait only pg_monitor.
select current_setting('archive_mode') as mode,
    current_setting('archive_command') <> '' or coalesce(current_setting('archive_library', true), '') <> '' as configured,
    a.archived_count as archived, a.failed_count as failed, a.last_failed_wal as failed_wal,
    extract(epoch from clock_timestamp() - a.last_archived_time)::float8 as archived_seconds,
    extract(epoch from clock_timestamp() - a.last_failed_time)::float8 as failed_seconds,
    case when pg_has_role('pg_monitor', 'usage') then (select count(*) from pg_ls_archive_statusdir() f where f.name like '%.ready') end as waiting
from pg_stat_archiver a

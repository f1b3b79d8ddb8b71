-- One row: a setting by which the server would write a statement down, turned off until the transaction ends. None for whom it
-- is not to turn, or where nothing could tell the log that it was done (PL/pgSQL).
select q.name, set_config(q.name, q.value, true) as value
from (values ('log_statement', 'none'), ('log_min_duration_statement', '-1'), ('log_min_duration_sample', '-1'),
    ('log_min_error_statement', 'panic'), ('pg_stat_statements.track_utility', 'off')) q (name, value)
join pg_settings s on s.name = q.name
where current_setting('is_superuser')::bool and exists (select from pg_language l where l.lanname = 'plpgsql')

-- no row: the log can say what was repaired, and why
alter table ops.migration_log
    add column if not exists reason text,
    add column if not exists change text,
    drop constraint if exists migration_log_action_check,
    add constraint migration_log_action_check check (action in ('apply', 'baseline', 'rollback', 'repair'));
comment on column ops.migration_log.reason is 'Why somebody repaired the history';
comment on column ops.migration_log.change is 'What that made of the row of the history'

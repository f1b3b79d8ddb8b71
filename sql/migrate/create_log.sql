-- no row: the log, which keeps what the history cannot: who, from where, with what, how often, and what failed
create table ops.migration_log (
    id int8 generated always as identity,
    version int4 not null,
    name text not null,
    action text not null,
    outcome text not null,
    login text not null default session_user,
    address inet default inet_client_addr(),
    host text,
    tool text not null,
    backup_id text,
    no_backup text,
    reason text,
    change text,
    attempts int4 not null default 1,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    duration_ms int8 generated always as
        (round(extract(epoch from finished_at - started_at) * 1000)::int8) stored,
    error text,
    constraint migration_log_pkey primary key (id),
    constraint migration_log_action_check check (action in ('apply', 'baseline', 'rollback', 'repair')),
    constraint migration_log_outcome_check check (outcome in ('started', 'done', 'failed'))
);
create index migration_log_version_idx on ops.migration_log (version);
comment on table ops.migration_log is 'One row: something a runner did, or tried, with one migration';
comment on column ops.migration_log.outcome is
    'started: outside of a transaction, and never heard of again; it may have taken effect';
comment on column ops.migration_log.host is 'The machine the runner ran on, as it calls itself';
comment on column ops.migration_log.backup_id is 'The backup that was taken before it';
comment on column ops.migration_log.no_backup is 'Why none was taken';
comment on column ops.migration_log.reason is 'Why somebody repaired the history';
comment on column ops.migration_log.change is 'What that made of the row of the history';

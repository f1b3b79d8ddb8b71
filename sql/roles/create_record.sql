-- no row: the record of what was changed, in full: what it takes to understand it, and to take it back
create table ops.role_changes (
    id int8 generated always as identity,
    action text not null,
    outcome text not null,
    undoes int8,
    login text not null default session_user,
    address inet default inet_client_addr(),
    host text,
    tool text not null,
    begun_at timestamptz not null default transaction_timestamp(),
    finished_at timestamptz,
    policy_sha256 text,
    changes jsonb not null,
    reach jsonb,
    state_before jsonb,
    state_after jsonb,
    constraint role_changes_pkey primary key (id),
    constraint role_changes_undoes_fkey foreign key (undoes) references ops.role_changes (id),
    constraint role_changes_action_check check (action in ('apply', 'undo', 'retire')),
    constraint role_changes_outcome_check check (outcome in ('begun', 'done'))
);
create index role_changes_undoes_idx on ops.role_changes (undoes) where undoes is not null;
comment on table ops.role_changes is 'One row: a change of roles and privileges, as it was made in one transaction';
comment on column ops.role_changes.outcome is
    'begun: a role is being retired, which is no transaction, or was until its run ended; it is done when a later row is';
comment on column ops.role_changes.undoes is 'The change that this one took back';
comment on column ops.role_changes.host is 'The machine it was run on, as it calls itself';
comment on column ops.role_changes.policy_sha256 is 'The policy it follows from: SHA-256 of its file';
comment on column ops.role_changes.changes is 'Each statement with its reason, and what takes it back; never a password';
comment on column ops.role_changes.reach is 'Which roles and schemas the two states are about';
comment on column ops.role_changes.state_before is 'Roles, memberships, settings, owners and access lists before it';
comment on column ops.role_changes.state_after is 'The same after it';

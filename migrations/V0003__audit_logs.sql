-- unisys:owner app_owner
-- Who did what, when, from where. Cut by month, so that old months leave as whole tables. The default partition takes what no
-- month is there for: a write never stops because nobody made the next partition (`data partitions` does, and drains it).
-- There is no foreign key to users: what somebody did outlives the account.

create table app.audit_logs (
    id uuid not null default gen_random_uuid(),
    created_at timestamptz not null default clock_timestamp(),
    user_id uuid,
    institution_id uuid,
    session_id text,
    ip_address inet,
    user_agent text,
    db_login text not null default session_user,
    action text not null,
    resource_type text,
    resource_id uuid,
    old_values jsonb,
    new_values jsonb,
    request_method text,
    request_path text,
    response_status smallint,
    message text,
    metadata jsonb not null default '{}',
    constraint audit_logs_pkey primary key (id, created_at),
    constraint audit_logs_action_check check (action ~ '^[a-z][a-z_]*$'),
    constraint audit_logs_status_check check (response_status between 100 and 599)
) partition by range (created_at);
comment on table app.audit_logs is 'One row: a change of a row, or an event; old values, new values, actor, request';
comment on column app.audit_logs.user_id is 'Whom the application acted for; null: nobody, a login at work (db_login)';
comment on column app.audit_logs.institution_id is 'Whose staff may read it';
comment on column app.audit_logs.session_id is 'Which sign-in it was: the id in app.sessions, never the token';
comment on column app.audit_logs.old_values is 'Before: the whole row when deleted, else what changed; secrets are hidden';
comment on column app.audit_logs.new_values is 'After: the whole row when inserted, else what changed; secrets are hidden';

create table app.audit_logs_default partition of app.audit_logs default;
comment on table app.audit_logs_default is 'One row: of a month without a partition; `data partitions` moves it to one';

create index audit_logs_user_idx on app.audit_logs (user_id, created_at) where user_id is not null;
create index audit_logs_institution_idx on app.audit_logs (institution_id, created_at);
create index audit_logs_resource_idx on app.audit_logs (resource_type, resource_id);
create index audit_logs_created_idx on app.audit_logs (created_at);
create index audit_logs_action_idx on app.audit_logs (action, created_at);
create index audit_logs_session_idx on app.audit_logs (session_id) where session_id is not null;
-- For `old_values @> '{"email": …}'`; half the size of the default operator class.
create index audit_logs_old_values_idx on app.audit_logs using gin (old_values jsonb_path_ops);
create index audit_logs_new_values_idx on app.audit_logs using gin (new_values jsonb_path_ops);
create index audit_logs_metadata_idx on app.audit_logs using gin (metadata jsonb_path_ops);

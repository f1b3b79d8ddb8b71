-- unisys:owner app_owner

create table app.report_definitions (
    id uuid not null default gen_random_uuid(),
    institution_id uuid,
    name text not null,
    description text,
    query text not null,
    parameters jsonb not null default '[]',
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint report_definitions_pkey primary key (id),
    constraint report_definitions_name_check check (name <> ''),
    constraint report_definitions_query_check check (query ~* '^\s*(select|with|values|table)\M'),
    constraint report_definitions_parameters_check check (jsonb_typeof(parameters) = 'array'),
    constraint report_definitions_institution_fkey foreign key (institution_id) references app.institutions (id)
);
comment on table app.report_definitions is
    'One row: a query analysts may run; it reads schema analysis, runs read-only, as report_runner, with a time limit';
comment on column app.report_definitions.institution_id is 'Null: for every institution';
comment on column app.report_definitions.parameters is
    'One object for each parameter of the query, in order: {"name", "type", "default"}';
create unique index report_definitions_name_key
    on app.report_definitions (name, coalesce(institution_id, '00000000-0000-0000-0000-000000000000'));
create index report_definitions_institution_idx
    on app.report_definitions (institution_id) where institution_id is not null;

create table app.report_executions (
    id uuid not null default gen_random_uuid(),
    institution_id uuid,
    report_definition_id uuid not null,
    executed_by uuid,
    parameters jsonb not null default '{}',
    status text not null default 'pending',
    row_count bigint,
    result_file_path text,
    error_message text,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    completed_at timestamptz,
    constraint report_executions_pkey primary key (id),
    constraint report_executions_status_check check (status in ('pending', 'processing', 'completed', 'failed')),
    constraint report_executions_parameters_check check (jsonb_typeof(parameters) = 'object'),
    constraint report_executions_rows_check check (row_count >= 0),
    constraint report_executions_dates_check check (started_at >= created_at and completed_at >= started_at),
    constraint report_executions_done_check check ((status in ('completed', 'failed')) = (completed_at is not null)),
    constraint report_executions_failed_check check ((status = 'failed') = (error_message is not null)),
    constraint report_executions_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint report_executions_definition_fkey
        foreign key (report_definition_id) references app.report_definitions (id),
    constraint report_executions_executed_by_fkey
        foreign key (executed_by) references app.users (id) on delete set null
);
comment on table app.report_executions is 'One row: a report that was asked for, and where its result is';
create index report_executions_definition_idx on app.report_executions (report_definition_id, created_at);
create index report_executions_executed_by_idx on app.report_executions (executed_by) where executed_by is not null;
create index report_executions_institution_idx
    on app.report_executions (institution_id) where institution_id is not null;
create index report_executions_open_idx on app.report_executions (created_at) where status in ('pending', 'processing');

create table app.system_configurations (
    id uuid not null default gen_random_uuid(),
    key text not null,
    value jsonb,
    description text,
    is_active boolean not null default true,
    is_system boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint system_configurations_pkey primary key (id),
    constraint system_configurations_key_key unique (key),
    constraint system_configurations_key_check check (key ~ '^[a-z][a-z0-9_.-]*$')
);
comment on table app.system_configurations is 'One row: a setting of the web application; never a secret';
create index system_configurations_value_idx on app.system_configurations using gin (value jsonb_path_ops);

select app.track('app.report_definitions');
select app.track('app.report_executions');
select app.track('app.system_configurations');

-- unisys:owner app_owner

create table app.programs (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    code text not null,
    name text not null,
    description text,
    degree text not null,
    duration_years smallint not null,
    total_credits smallint not null,
    tuition_fee numeric(12, 2) not null default 0,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint programs_pkey primary key (id),
    constraint programs_code_key unique (institution_id, code),
    constraint programs_degree_check
        check (degree in ('certificate', 'diploma', 'bachelor', 'master', 'doctorate')),
    constraint programs_duration_check check (duration_years between 1 and 10),
    constraint programs_credits_check check (total_credits > 0),
    constraint programs_fee_check check (tuition_fee >= 0),
    constraint programs_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint programs_created_by_fkey foreign key (created_by) references app.users (id),
    constraint programs_updated_by_fkey foreign key (updated_by) references app.users (id)
);
comment on table app.programs is 'One row: a programme of study that leads to a degree';
comment on column app.programs.tuition_fee is 'For one year';

create index programs_created_by_idx on app.programs (created_by) where created_by is not null;
create index programs_updated_by_idx on app.programs (updated_by) where updated_by is not null;

create table app.courses (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    program_id uuid not null,
    code text not null,
    name text not null,
    description text,
    credits smallint not null,
    hours_per_week smallint,
    is_core boolean not null default true,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint courses_pkey primary key (id),
    constraint courses_code_key unique (program_id, code),
    constraint courses_credits_check check (credits between 1 and 60),
    constraint courses_hours_check check (hours_per_week between 1 and 60),
    constraint courses_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint courses_program_fkey foreign key (program_id) references app.programs (id),
    constraint courses_created_by_fkey foreign key (created_by) references app.users (id),
    constraint courses_updated_by_fkey foreign key (updated_by) references app.users (id)
);
comment on table app.courses is 'One row: a course taught within a programme';

create index courses_institution_idx on app.courses (institution_id);
create index courses_created_by_idx on app.courses (created_by) where created_by is not null;
create index courses_updated_by_idx on app.courses (updated_by) where updated_by is not null;

create table app.academic_sessions (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    code text not null,
    name text not null,
    start_date date not null,
    end_date date not null,
    is_current boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint academic_sessions_pkey primary key (id),
    constraint academic_sessions_code_key unique (institution_id, code),
    constraint academic_sessions_dates_check check (end_date > start_date),
    constraint academic_sessions_institution_fkey
        foreign key (institution_id) references app.institutions (id),
    constraint academic_sessions_created_by_fkey foreign key (created_by) references app.users (id),
    constraint academic_sessions_updated_by_fkey foreign key (updated_by) references app.users (id)
);
comment on table app.academic_sessions is 'One row: a semester or term of an institution';

create unique index academic_sessions_current_key on app.academic_sessions (institution_id) where is_current;
create index academic_sessions_created_by_idx
    on app.academic_sessions (created_by) where created_by is not null;
create index academic_sessions_updated_by_idx
    on app.academic_sessions (updated_by) where updated_by is not null;

create trigger set_updated_at before update on app.programs
    for each row execute function app.set_updated_at();
create trigger set_updated_at before update on app.courses
    for each row execute function app.set_updated_at();
create trigger set_updated_at before update on app.academic_sessions
    for each row execute function app.set_updated_at();

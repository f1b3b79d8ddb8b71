-- unisys:owner app_owner

create table app.programs (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    department_id uuid not null,
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
    constraint programs_institution_key unique (institution_id, id),
    constraint programs_code_key unique (institution_id, code),
    constraint programs_degree_check
        check (degree in ('certificate', 'diploma', 'bachelor', 'master', 'doctorate')),
    constraint programs_duration_check check (duration_years between 1 and 10),
    constraint programs_credits_check check (total_credits > 0),
    constraint programs_fee_check check (tuition_fee >= 0),
    constraint programs_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint programs_department_fkey
        foreign key (institution_id, department_id) references app.departments (institution_id, id)
);
comment on table app.programs is 'One row: a programme of study that leads to a degree';
comment on column app.programs.tuition_fee is 'For one year';
create index programs_department_idx on app.programs (department_id);

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
    constraint courses_institution_key unique (institution_id, id),
    constraint courses_code_key unique (program_id, code),
    constraint courses_credits_check check (credits between 1 and 60),
    constraint courses_hours_check check (hours_per_week between 1 and 60),
    constraint courses_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint courses_program_fkey
        foreign key (institution_id, program_id) references app.programs (institution_id, id)
);
comment on table app.courses is 'One row: a course taught within a programme';

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
    constraint academic_sessions_institution_key unique (institution_id, id),
    constraint academic_sessions_code_key unique (institution_id, code),
    constraint academic_sessions_dates_check check (end_date > start_date),
    constraint academic_sessions_institution_fkey
        foreign key (institution_id) references app.institutions (id)
);
comment on table app.academic_sessions is 'One row: a semester or term of an institution';
create unique index academic_sessions_current_key on app.academic_sessions (institution_id) where is_current;

select app.track('app.programs');
select app.track('app.courses');
select app.track('app.academic_sessions');

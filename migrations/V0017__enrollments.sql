-- unisys:owner app_owner

create table app.enrollments (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    student_id uuid not null,
    program_id uuid not null,
    academic_session_id uuid not null,
    enrollment_date date not null,
    completion_date date,
    status text not null default 'active',
    grade_average numeric(4, 2),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint enrollments_pkey primary key (id),
    constraint enrollments_institution_key unique (institution_id, id),
    constraint enrollments_student_key unique (institution_id, student_id, id),
    constraint enrollments_status_check
        check (status in ('active', 'completed', 'withdrawn', 'suspended')),
    constraint enrollments_dates_check check (completion_date >= enrollment_date),
    constraint enrollments_completed_check check (status <> 'completed' or completion_date is not null),
    constraint enrollments_grade_check check (grade_average between 0 and 20),
    constraint enrollments_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint enrollments_student_fkey
        foreign key (institution_id, student_id) references app.students (institution_id, id),
    constraint enrollments_program_fkey
        foreign key (institution_id, program_id) references app.programs (institution_id, id),
    constraint enrollments_session_fkey
        foreign key (institution_id, academic_session_id) references app.academic_sessions (institution_id, id)
);
comment on table app.enrollments is 'One row: a student in a programme, from a session on';
comment on column app.enrollments.grade_average is 'Out of 20; null: no result yet';

-- The rule the documents ask for: at most one active enrolment of a student in a programme.
create unique index enrollments_active_key on app.enrollments (student_id, program_id) where status = 'active';
create index enrollments_student_idx on app.enrollments (student_id, status);
create index enrollments_program_idx on app.enrollments (program_id);
create index enrollments_session_idx on app.enrollments (academic_session_id);
create index enrollments_date_idx on app.enrollments (institution_id, enrollment_date);

select app.track('app.enrollments');

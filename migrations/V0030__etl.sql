-- unisys:owner etl_owner
-- Bulk imports: a load run, its lines as they came (text, so that a bad value is a finding and not a failed COPY), and what was
-- wrong with them. Staging rows are left out of backups unless asked for; nothing refers to them.

create table etl.load_runs (
    id uuid not null default gen_random_uuid(),
    target text not null,
    source text not null,
    source_sha256 text,
    status text not null default 'loading',
    rows_read bigint not null default 0,
    rows_loaded bigint not null default 0,
    rows_rejected bigint not null default 0,
    message text,
    started_by text not null default session_user,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint load_runs_pkey primary key (id),
    constraint load_runs_target_check check (target in ('students', 'courses', 'payments', 'attendance')),
    constraint load_runs_status_check check (status in ('loading', 'checked', 'loaded', 'failed')),
    constraint load_runs_sha256_check check (source_sha256 ~ '^[0-9a-f]{64}$'),
    constraint load_runs_rows_check
        check (rows_read >= 0 and rows_loaded >= 0 and rows_rejected >= 0 and rows_loaded + rows_rejected <= rows_read),
    constraint load_runs_finished_check check ((status in ('loaded', 'failed')) = (finished_at is not null)),
    constraint load_runs_dates_check check (finished_at >= started_at)
);
comment on table etl.load_runs is 'One row: an import of one file';
comment on column etl.load_runs.source_sha256 is 'The same file again is the same hash';
create index load_runs_started_idx on etl.load_runs (started_at);

create table etl.rejected_rows (
    load_run_id uuid not null,
    line bigint not null,
    reason text not null,
    content text,
    constraint rejected_rows_pkey primary key (load_run_id, line),
    constraint rejected_rows_run_fkey foreign key (load_run_id) references etl.load_runs (id) on delete cascade
);
comment on table etl.rejected_rows is 'One row: a line of a file that was not imported, and why';

create table etl.staging_students (
    load_run_id uuid not null,
    line bigint not null,
    student_number text,
    first_name text,
    middle_name text,
    last_name text,
    date_of_birth text,
    gender text,
    email text,
    phone text,
    admitted_on text,
    status text,
    constraint staging_students_pkey primary key (load_run_id, line),
    constraint staging_students_run_fkey foreign key (load_run_id) references etl.load_runs (id) on delete cascade
);
comment on table etl.staging_students is 'One row: a line of a file of students, as it came';

create table etl.staging_courses (
    load_run_id uuid not null,
    line bigint not null,
    program_code text,
    code text,
    name text,
    credits text,
    hours_per_week text,
    is_core text,
    constraint staging_courses_pkey primary key (load_run_id, line),
    constraint staging_courses_run_fkey foreign key (load_run_id) references etl.load_runs (id) on delete cascade
);
comment on table etl.staging_courses is 'One row: a line of a file of courses, as it came';

create table etl.staging_payments (
    load_run_id uuid not null,
    line bigint not null,
    student_number text,
    amount text,
    currency text,
    method text,
    status text,
    paid_at text,
    description text,
    constraint staging_payments_pkey primary key (load_run_id, line),
    constraint staging_payments_run_fkey foreign key (load_run_id) references etl.load_runs (id) on delete cascade
);
comment on table etl.staging_payments is 'One row: a line of a file of payments, as it came';

create table etl.staging_attendance (
    load_run_id uuid not null,
    line bigint not null,
    student_number text,
    course_code text,
    session_code text,
    attended_on text,
    status text,
    minutes_late text,
    remarks text,
    constraint staging_attendance_pkey primary key (load_run_id, line),
    constraint staging_attendance_run_fkey foreign key (load_run_id) references etl.load_runs (id) on delete cascade
);
comment on table etl.staging_attendance is 'One row: a line of a file of attendance, as it came';

alter table etl.staging_students enable row level security;
alter table etl.staging_payments enable row level security;
alter table etl.staging_attendance enable row level security;
alter table etl.rejected_rows enable row level security;
create policy loaders on etl.staging_students to d_engineer, dba using (true) with check (true);
create policy loaders on etl.staging_payments to d_engineer, dba using (true) with check (true);
create policy loaders on etl.staging_attendance to d_engineer, dba using (true) with check (true);
create policy loaders on etl.rejected_rows to d_engineer, dba using (true) with check (true);
create policy readers on etl.staging_students for select to qa_engineer using (true);
create policy readers on etl.staging_payments for select to qa_engineer using (true);
create policy readers on etl.staging_attendance for select to qa_engineer using (true);
create policy readers on etl.rejected_rows for select to qa_engineer using (true);

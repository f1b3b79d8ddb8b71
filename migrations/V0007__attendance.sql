-- unisys:owner app_owner

create table app.attendance (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    student_id uuid not null,
    course_id uuid not null,
    academic_session_id uuid not null,
    attended_on date not null,
    status text not null,
    minutes_late smallint,
    remarks text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint attendance_pkey primary key (id),
    constraint attendance_once_key unique (student_id, course_id, attended_on),
    constraint attendance_status_check check (status in ('present', 'absent', 'late', 'excused')),
    constraint attendance_late_check
        check ((status = 'late') = (minutes_late is not null) and minutes_late between 1 and 600),
    constraint attendance_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint attendance_student_fkey foreign key (student_id) references app.students (id),
    constraint attendance_course_fkey foreign key (course_id) references app.courses (id),
    constraint attendance_session_fkey
        foreign key (academic_session_id) references app.academic_sessions (id),
    constraint attendance_created_by_fkey foreign key (created_by) references app.users (id),
    constraint attendance_updated_by_fkey foreign key (updated_by) references app.users (id)
);
comment on table app.attendance is 'One row: a student at one meeting of a course, or missed there';
comment on column app.attendance.minutes_late is 'Only where the status is late';

create index attendance_course_idx on app.attendance (course_id, attended_on);
create index attendance_session_idx on app.attendance (academic_session_id);
create index attendance_institution_idx on app.attendance (institution_id, attended_on);
create index attendance_created_by_idx on app.attendance (created_by) where created_by is not null;
create index attendance_updated_by_idx on app.attendance (updated_by) where updated_by is not null;

create trigger set_updated_at before update on app.attendance
    for each row execute function app.set_updated_at();

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
    constraint attendance_student_fkey
        foreign key (institution_id, student_id) references app.students (institution_id, id),
    constraint attendance_offering_fkey foreign key (course_id, academic_session_id)
        references app.course_offerings (course_id, academic_session_id),
    constraint attendance_course_fkey
        foreign key (institution_id, course_id) references app.courses (institution_id, id)
);
comment on table app.attendance is 'One row: a student at one meeting of a course, or missed there';
comment on column app.attendance.minutes_late is 'Only where the status is late';

create index attendance_course_idx on app.attendance (course_id, academic_session_id, attended_on);
create index attendance_institution_idx on app.attendance (institution_id, attended_on);

select app.track('app.attendance');

-- unisys:owner app_owner

create table app.course_enrollments (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    student_id uuid not null,
    enrollment_id uuid not null,
    course_id uuid not null,
    academic_session_id uuid not null,
    enrollment_date date not null,
    status text not null default 'enrolled',
    grade text,
    grade_points numeric(3, 2),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint course_enrollments_pkey primary key (id),
    constraint course_enrollments_once_key unique (enrollment_id, course_id, academic_session_id),
    constraint course_enrollments_status_check check (status in ('enrolled', 'completed', 'failed', 'dropped')),
    constraint course_enrollments_grade_check
        check (grade in ('A+', 'A', 'A-', 'B+', 'B', 'B-', 'C+', 'C', 'C-', 'D', 'E', 'F', 'P')),
    constraint course_enrollments_points_check check (grade_points between 0 and 4.3),
    constraint course_enrollments_graded_check check ((status in ('completed', 'failed')) = (grade is not null)),
    constraint course_enrollments_passed_check check ((status = 'failed') = (coalesce(grade, '') = 'F')),
    constraint course_enrollments_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint course_enrollments_enrollment_fkey foreign key (institution_id, student_id, enrollment_id)
        references app.enrollments (institution_id, student_id, id),
    constraint course_enrollments_offering_fkey foreign key (course_id, academic_session_id)
        references app.course_offerings (course_id, academic_session_id),
    constraint course_enrollments_course_fkey
        foreign key (institution_id, course_id) references app.courses (institution_id, id)
);
comment on table app.course_enrollments is 'One row: a student takes a course in a session';
comment on column app.course_enrollments.student_id is 'Whose enrolment it is: for row-level security without a join';
comment on column app.course_enrollments.grade is 'A letter, P for passed without one; null: no result yet';
comment on column app.course_enrollments.grade_points is 'Out of 4.3; null: no result, or none that counts';
create index course_enrollments_course_idx on app.course_enrollments (course_id, academic_session_id);
create index course_enrollments_student_idx on app.course_enrollments (student_id);
create index course_enrollments_institution_idx on app.course_enrollments (institution_id);

-- The offerings' places, whoever writes; of the owner, because row-level security could hide an offering from the writer,
-- and an update of nothing is silent.
create function app.take_places() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'TRUNCATE' then
        update app.course_offerings set taken = 0 where taken <> 0;
    elsif tg_op = 'INSERT' then
        perform app.count_places(array_agg(course_id), array_agg(academic_session_id), array_agg(1))
        from after_rows where status <> 'dropped';
    elsif tg_op = 'DELETE' then
        perform app.count_places(array_agg(course_id), array_agg(academic_session_id), array_agg(-1))
        from before_rows where status <> 'dropped';
    else
        perform app.count_places(array_agg(course_id), array_agg(academic_session_id), array_agg(places))
        from (
            select course_id, academic_session_id, 1 as places from after_rows where status <> 'dropped'
            union all
            select course_id, academic_session_id, -1 from before_rows where status <> 'dropped'
        ) as moved;
    end if;
    return null;
end
$$;
comment on function app.take_places() is 'Trigger: keeps course_offerings.taken';

create trigger take_places_insert after insert on app.course_enrollments
    referencing new table as after_rows for each statement execute function app.take_places();
create trigger take_places_update after update on app.course_enrollments
    referencing old table as before_rows new table as after_rows for each statement execute function app.take_places();
create trigger take_places_delete after delete on app.course_enrollments
    referencing old table as before_rows for each statement execute function app.take_places();
create trigger take_places_truncate after truncate on app.course_enrollments
    for each statement execute function app.take_places();

select app.track('app.course_enrollments');

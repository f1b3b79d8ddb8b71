-- unisys:owner app_owner
-- Academic records older than five years move out of the way: into tables beside the live ones, in the same schema, so that
-- one backup, one owner and the same policies hold for both. An archived row is complete, but refers to nothing any more
-- except its institution; the student stays where they are.

create table app.archived_attendance (
    like app.attendance including constraints including comments,
    archived_at timestamptz not null default now(),
    constraint archived_attendance_pkey primary key (id),
    constraint archived_attendance_institution_fkey foreign key (institution_id) references app.institutions (id)
);
comment on table app.archived_attendance is 'One row: attendance of a session that ended years ago';

create table app.archived_course_enrollments (
    like app.course_enrollments including constraints including comments,
    archived_at timestamptz not null default now(),
    constraint archived_course_enrollments_pkey primary key (id),
    constraint archived_course_enrollments_institution_fkey
        foreign key (institution_id) references app.institutions (id)
);
comment on table app.archived_course_enrollments is 'One row: a course somebody took in a session that ended years ago';

create table app.archived_enrollments (
    like app.enrollments including constraints including comments,
    archived_at timestamptz not null default now(),
    constraint archived_enrollments_pkey primary key (id),
    constraint archived_enrollments_institution_fkey foreign key (institution_id) references app.institutions (id)
);
comment on table app.archived_enrollments is 'One row: an enrolment that ended years ago';

create table app.archived_payments (
    like app.payments including constraints including comments,
    archived_at timestamptz not null default now(),
    constraint archived_payments_pkey primary key (id),
    constraint archived_payments_institution_fkey foreign key (institution_id) references app.institutions (id)
);
comment on table app.archived_payments is 'One row: a payment for an enrolment that is archived';

create index archived_attendance_student_idx on app.archived_attendance (student_id);
create index archived_attendance_institution_idx on app.archived_attendance (institution_id, attended_on);
create index archived_course_enrollments_student_idx on app.archived_course_enrollments (student_id);
create index archived_course_enrollments_institution_idx on app.archived_course_enrollments (institution_id);
create index archived_enrollments_student_idx on app.archived_enrollments (student_id);
create index archived_enrollments_institution_idx on app.archived_enrollments (institution_id, enrollment_date);
create index archived_payments_student_idx on app.archived_payments (student_id);
create index archived_payments_institution_idx on app.archived_payments (institution_id, paid_at);

select app.protect(name::regclass,
    'student_id = (select app.acting_student()) or institution_id = any ((select app.staff_institutions())::uuid[])', null)
from unnest(array['app.archived_attendance', 'app.archived_course_enrollments', 'app.archived_enrollments',
    'app.archived_payments']) as name;

create function app.archive_records(before date, max_rows integer default 10000)
    returns table (name text, rows bigint)
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    step record;
    left_over integer := max_rows;
begin
    if before > current_date - interval '5 years' then
        raise exception 'records of the last five years stay' using errcode = 'invalid_parameter_value';
    end if;
    perform set_config('app.archiving', 'on', true);
    -- Leaves first: an enrolment goes when nothing refers to it any more.
    for step in
        select * from (values
            (1, 'attendance', 'exists (select from app.academic_sessions as s
                where s.id = r.academic_session_id and s.end_date < $1)'),
            (2, 'course_enrollments', 'status <> ''enrolled'' and exists (select from app.academic_sessions as s
                where s.id = r.academic_session_id and s.end_date < $1)'),
            (3, 'payments', 'status <> ''pending'' and exists (select from app.enrollments as e
                where e.id = r.enrollment_id and e.status in (''completed'', ''withdrawn'') and e.completion_date < $1)'),
            (4, 'enrollments', 'status in (''completed'', ''withdrawn'') and completion_date < $1
                and not exists (select from app.course_enrollments as c where c.enrollment_id = r.id)
                and not exists (select from app.payments as p where p.enrollment_id = r.id)')
        ) as s (step, name, condition) order by step
    loop
        execute format(
            'with gone as (
                delete from app.%1$I where id = any (array(
                    select id from app.%1$I as r where %2$s limit $2 for update skip locked))
                returning *)
            insert into app.%3$I (%4$s) select %4$s from gone', step.name, step.condition, 'archived_' || step.name,
            (select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
                where attrelid = ('app.' || step.name)::regclass and attnum > 0 and not attisdropped))
            using before, left_over;
        get diagnostics rows = row_count;
        left_over := left_over - rows;
        name := step.name;
        return next;
    end loop;
    perform set_config('app.archiving', 'off', true);
    if left_over < max_rows then
        perform app.audit_event('archive', message => (max_rows - left_over) || ' records of before ' || before);
    end if;
end
$$;
comment on function app.archive_records(date, integer) is
    'Moves at most so many records of before a day to the archive; how many of each table: call it until there are none';

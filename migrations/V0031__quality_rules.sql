-- unisys:owner qa_owner
-- What must hold and no constraint says. `data quality` runs each rule's query read-only, with a time limit, as whoever asks.

create table qa.rules (
    id uuid not null default gen_random_uuid(),
    code text not null,
    description text not null,
    severity text not null default 'warning',
    query text not null,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint rules_pkey primary key (id),
    constraint rules_code_key unique (code),
    constraint rules_code_check check (code ~ '^[a-z][a-z0-9_]*$'),
    constraint rules_severity_check check (severity in ('error', 'warning', 'notice')),
    constraint rules_query_check check (query ~* '^\s*(select|with)\M')
);
comment on table qa.rules is 'One row: a rule about the data; its query returns the rows that break it';
comment on column qa.rules.description is 'What holds, as a sentence';
comment on column qa.rules.severity is 'error: `data quality` ends with exit code 4 when it finds rows';
comment on column qa.rules.query is 'One row for each that breaks the rule; the first column, as text, says which';

insert into qa.rules (code, severity, description, query) values
    ('account_elsewhere', 'error', 'A student''s account is of the same institution',
        'select s.id from app.students as s join app.users as u on u.id = s.user_id
         where u.institution_id is distinct from s.institution_id'),
    ('places_taken', 'error', 'The places taken of a course are its course enrolments that were not dropped',
        'select o.course_id, o.academic_session_id, o.taken, count(c.id) from app.course_offerings as o
         left join app.course_enrollments as c on (c.course_id, c.academic_session_id) = (o.course_id, o.academic_session_id)
            and c.status <> ''dropped''
         group by o.course_id, o.academic_session_id, o.taken having o.taken <> count(c.id)'),
    ('receipt_counter', 'error', 'No receipt has a higher number than its institution''s counter',
        'select p.institution_id, max(p.receipt_number) from app.payments as p
         left join app.receipt_counters as c on c.institution_id = p.institution_id
         group by p.institution_id, c.last_number having max(p.receipt_number) > coalesce(c.last_number, 0)'),
    ('receipt_gaps', 'warning', 'Receipt numbers have no gaps',
        'select institution_id, receipt_number from (
            select institution_id, receipt_number,
                receipt_number - lag(receipt_number, 1, 0::bigint)
                    over (partition by institution_id order by receipt_number) as step
            from (select institution_id, receipt_number from app.payments
                union all select institution_id, receipt_number from app.archived_payments) as r
         ) as p where step > 1'),
    ('user_permissions', 'error', 'user_permissions says what the roles say',
        'select coalesce(p.user_id, w.user_id) from app.user_permissions as p full join (
            select ur.user_id, array_agg(distinct m.name order by m.name) as permissions from app.user_roles as ur
            join app.users as u on u.id = ur.user_id and u.is_active join app.roles as r on r.id = ur.role_id and r.is_active
            join app.role_permissions as rp on rp.role_id = r.id
            join app.permissions as m on m.id = rp.permission_id and m.is_active group by ur.user_id
         ) as w on w.user_id = p.user_id where p.permissions is distinct from w.permissions'),
    ('graduate_still_enrolled', 'error', 'Who graduated or left has no active enrolment',
        'select e.id from app.enrollments as e join app.students as s on s.id = e.student_id
         where e.status = ''active'' and s.status in (''graduated'', ''withdrawn'')'),
    ('grade_too_early', 'warning', 'Grades are given when the session is over',
        'select c.id from app.course_enrollments as c join app.academic_sessions as s on s.id = c.academic_session_id
         where c.grade is not null and s.end_date > current_date + 60'),
    ('attendance_outside_session', 'error', 'A meeting lies within its session',
        'select a.id from app.attendance as a join app.academic_sessions as s on s.id = a.academic_session_id
         where a.attended_on not between s.start_date and s.end_date'),
    ('attendance_in_the_future', 'error', 'Nobody attended what is still to come',
        'select id from app.attendance where attended_on > current_date + 1'),
    ('open_session_ended', 'warning', 'The current session is not over',
        'select id, name from app.academic_sessions where is_current and end_date < current_date'),
    ('student_without_enrollment', 'notice', 'An active student is enrolled in something',
        'select s.id from app.students as s where s.status = ''active'' and s.anonymized_at is null
            and not exists (select from app.enrollments as e where e.student_id = s.id)'),
    ('loan_of_an_inactive_copy', 'warning', 'A copy that is out is in use',
        'select l.id from app.library_loans as l join app.library_copies as c on c.id = l.copy_id
         where l.returned_at is null and not c.is_active'),
    ('audit_without_partition', 'error', 'No row of the audit log lies in the default partition',
        'select id, created_at from app.audit_logs_default');

-- unisys:owner analysis_owner
-- What analysts ask for, without saying who. The views run with the rights of their owner, on purpose (`security_invoker` off,
-- and unknown to PostgreSQL 14): analysts have no access to schema app at all, and a view is exactly the window they get.
-- analysis_owner reads the tables by privilege (of the policy) and by the policies named `readers`. Ids are random and lead
-- nowhere without schema app.

create view analysis.students as
select s.id as student_id, s.institution_id, extract(year from s.date_of_birth)::integer as birth_year, s.gender, s.country,
    s.admitted_on, s.status, s.user_id is not null as has_account
from app.students as s;
comment on view analysis.students is 'One row: a student without name, number, contact or day of birth';

create view analysis.enrollment_by_program as
select i.code as institution, p.code as program_code, p.name as program, p.degree, a.code as session_code,
    a.start_date as session_start, count(*) as enrollments,
    count(*) filter (where e.status = 'active') as active,
    count(*) filter (where e.status = 'completed') as completed,
    count(*) filter (where e.status = 'withdrawn') as withdrawn,
    count(*) filter (where e.status = 'suspended') as suspended,
    round(avg(e.grade_average), 2) as grade_average
from app.enrollments as e
join app.institutions as i on i.id = e.institution_id
join app.programs as p on p.id = e.program_id
join app.academic_sessions as a on a.id = e.academic_session_id
group by i.code, p.code, p.name, p.degree, a.code, a.start_date;
comment on view analysis.enrollment_by_program is 'One row: a programme and the session its students began in';

create view analysis.payments_by_month as
select i.code as institution, date_trunc('month', p.paid_at at time zone 'UTC')::date as month, p.currency, p.method,
    count(*) as payments, sum(p.amount) filter (where p.status = 'paid') as paid,
    sum(p.amount) filter (where p.status = 'refunded') as refunded
from app.payments as p
join app.institutions as i on i.id = p.institution_id
where p.paid_at is not null
group by 1, 2, 3, 4;
comment on view analysis.payments_by_month is 'One row: what came in within a month, by currency and method';

create view analysis.arrears as
select i.code as institution, g.code as program_code, g.name as program, p.currency,
    count(distinct p.student_id) as students, count(*) as payments, sum(p.amount) as amount, min(p.due_on) as oldest_due,
    sum(p.amount) filter (where p.due_on < current_date - 90) as older_than_90_days
from app.payments as p
join app.institutions as i on i.id = p.institution_id
left join app.enrollments as e on e.id = p.enrollment_id
left join app.programs as g on g.id = e.program_id
where p.status = 'pending' and p.due_on < current_date
group by i.code, g.code, g.name, p.currency;
comment on view analysis.arrears is 'One row: money overdue from the students of a programme; no programme: other than tuition';

create view analysis.library_use as
select i.code as institution, b.kind, b.subject, date_trunc('month', l.lent_at at time zone 'UTC')::date as month,
    count(*) as loans, count(distinct b.id) as titles,
    count(distinct coalesce(l.student_id, l.user_id)) as borrowers,
    count(*) filter (where l.returned_at is null) as still_out,
    count(*) filter (where coalesce((l.returned_at at time zone 'UTC')::date, current_date) > l.due_on) as late
from app.library_loans as l
join app.library_copies as c on c.id = l.copy_id
join app.library_items as b on b.id = c.item_id
join app.institutions as i on i.id = l.institution_id
group by 1, 2, 3, 4;
comment on view analysis.library_use is 'One row: loans of a kind and subject within a month';

-- unisys:owner analysis_owner
-- Rates over every row of the largest tables are computed once and kept. They begin empty, because a migration has no
-- privilege to read yet: analysis.refresh() fills them, and again whenever it is called (a nightly job).

create materialized view analysis.pass_rates as
select i.code as institution, p.code as program_code, k.code as course_code, k.name as course, a.code as session_code,
    a.start_date as session_start, count(*) as enrolled,
    count(*) filter (where c.status = 'completed') as passed,
    count(*) filter (where c.status = 'failed') as failed,
    count(*) filter (where c.status = 'dropped') as dropped,
    round(100.0 * count(*) filter (where c.status = 'completed')
        / nullif(count(*) filter (where c.status in ('completed', 'failed')), 0), 1) as pass_percent,
    round(avg(c.grade_points), 2) as grade_points,
    c.course_id, c.academic_session_id
from app.course_enrollments as c
join app.courses as k on k.id = c.course_id
join app.programs as p on p.id = k.program_id
join app.institutions as i on i.id = c.institution_id
join app.academic_sessions as a on a.id = c.academic_session_id
group by i.code, p.code, k.code, k.name, a.code, a.start_date, c.course_id, c.academic_session_id
with no data;
comment on materialized view analysis.pass_rates is 'One row: the results of a course in a session; percent of those who were graded';
create unique index pass_rates_key on analysis.pass_rates (course_id, academic_session_id);

create materialized view analysis.attendance_rates as
select i.code as institution, p.code as program_code, k.code as course_code, k.name as course, a.code as session_code,
    a.start_date as session_start, count(*) as records, count(distinct t.student_id) as students,
    count(distinct t.attended_on) as meetings,
    round(100.0 * count(*) filter (where t.status in ('present', 'late')) / count(*), 1) as attended_percent,
    round(100.0 * count(*) filter (where t.status = 'late') / count(*), 1) as late_percent,
    round(100.0 * count(*) filter (where t.status = 'excused') / count(*), 1) as excused_percent,
    t.course_id, t.academic_session_id
from app.attendance as t
join app.courses as k on k.id = t.course_id
join app.programs as p on p.id = k.program_id
join app.institutions as i on i.id = t.institution_id
join app.academic_sessions as a on a.id = t.academic_session_id
group by i.code, p.code, k.code, k.name, a.code, a.start_date, t.course_id, t.academic_session_id
with no data;
comment on materialized view analysis.attendance_rates is 'One row: how a course was attended in a session';
create unique index attendance_rates_key on analysis.attendance_rates (course_id, academic_session_id);

create function analysis.refresh() returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    rates record;
begin
    for rates in
        select c.oid::regclass as name, c.relispopulated as filled
        from pg_class as c
        where c.relnamespace = 'analysis'::regnamespace and c.relkind = 'm' and c.relowner = 'analysis_owner'::regrole
        order by c.relname
    loop
        -- Readers go on while it works, from the second time on: there is nothing to read before.
        execute format('refresh materialized view %s %s', case when rates.filled then 'concurrently' else '' end, rates.name);
    end loop;
end
$$;
comment on function analysis.refresh() is 'Computes the materialised views of this schema anew';

-- unisys:owner app_owner

create function app.judged_payments(load_run uuid, institution uuid)
    returns table (line bigint, reason text, content text, student_id uuid, amount numeric, currency text, method text,
        status text, paid_at timestamptz, description text)
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    return query
    with trimmed as (
        select s.line, (to_jsonb(s) - '{load_run_id,line}'::text[])::text as content,
            nullif(btrim(s.student_number), '') as student_number, nullif(btrim(s.amount), '') as amount,
            upper(coalesce(nullif(btrim(s.currency), ''), 'EUR')) as currency, lower(nullif(btrim(s.method), '')) as method,
            lower(coalesce(nullif(btrim(s.status), ''), 'pending')) as status, nullif(btrim(s.paid_at), '') as paid_at,
            nullif(btrim(s.description), '') as description
        from etl.staging_payments as s
        where s.load_run_id = load_run
    ),
    typed as (
        select t.*, x.id as student_id, app.read_moment(t.paid_at) as moment,
            case when t.amount ~ '^[0-9]{1,10}([.][0-9]{1,2})?$' then t.amount::numeric end as money
        from trimmed as t
        left join app.students as x on x.institution_id = institution and x.student_number = t.student_number
    ),
    known as (
        -- A payment has no number before it has a receipt: the same money of the same student at the same moment is the same.
        select t.*,
            min(t.line) over (partition by t.student_id, t.money, t.currency, t.method, t.status, t.moment, t.description)
                as first_line,
            exists (select from app.payments as x where x.student_id = t.student_id and x.paid_at = t.moment
                and (x.amount, x.currency, x.method) = (t.money, t.currency, t.method)) as is_there
        from typed as t
    )
    select k.line, nullif(concat_ws('; ',
            case when k.student_number is null then 'student_number is missing'
                when k.student_id is null then 'student_number is unknown: ' || left(k.student_number, 40) end,
            case when k.amount is null then 'amount is missing'
                when k.money > 0 then null
                else 'amount is no sum as 1234.50: ' || left(k.amount, 40) end,
            case when k.currency !~ '^[A-Z]{3}$' then 'currency is no code of three letters: ' || left(k.currency, 40) end,
            case when k.method is null then 'method is missing'
                when k.method not in ('cash', 'card', 'transfer', 'mobile', 'cheque') then
                    'method is none of cash, card, transfer, mobile, cheque: ' || left(k.method, 40) end,
            case when k.status not in ('pending', 'paid', 'failed', 'refunded') then
                    'status is none of pending, paid, failed, refunded: ' || left(k.status, 40)
                when k.status in ('paid', 'refunded') and k.paid_at is null then 'paid_at is missing'
                when k.status in ('pending', 'failed') and k.paid_at is not null then
                    'paid_at has no place where the status is ' || k.status end,
            case when k.paid_at is not null and k.moment is null then
                    'paid_at is no moment as YYYY-MM-DD HH:MM:SS: ' || left(k.paid_at, 40)
                when k.moment > now() + interval '1 day' then 'paid_at is still to come: ' || k.paid_at end,
            case when length(k.description) > 2000 then 'description is longer than 2000 characters' end,
            case when k.is_there then 'the payment is there already'
                when k.first_line < k.line and k.student_id is not null and k.money is not null then
                    'the payment stands in line ' || k.first_line || ' already' end
        ), ''), k.content, k.student_id, k.money, k.currency, k.method, k.status, k.moment, k.description
    from known as k;
end
$$;
comment on function app.judged_payments(uuid, uuid) is 'The lines of a file of payments: as they would be, or why they cannot';

create function app.judged_attendance(load_run uuid, institution uuid)
    returns table (line bigint, reason text, content text, student_id uuid, course_id uuid, academic_session_id uuid,
        attended_on date, status text, minutes_late smallint, remarks text)
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    return query
    with trimmed as (
        select s.line, (to_jsonb(s) - '{load_run_id,line}'::text[])::text as content,
            nullif(btrim(s.student_number), '') as student_number, nullif(btrim(s.course_code), '') as course_code,
            nullif(btrim(s.session_code), '') as session_code, nullif(btrim(s.attended_on), '') as attended_on,
            lower(nullif(btrim(s.status), '')) as status, nullif(btrim(s.minutes_late), '') as minutes_late,
            nullif(btrim(s.remarks), '') as remarks
        from etl.staging_attendance as s
        where s.load_run_id = load_run
    ),
    given as (
        -- A code is a programme's: two programmes may have it.
        select c.code, o.academic_session_id, count(*) as courses, (array_agg(c.id))[1] as course_id
        from app.courses as c
        join app.course_offerings as o on o.course_id = c.id
        where c.institution_id = institution
        group by c.code, o.academic_session_id
    ),
    typed as (
        select t.*, x.id as student_id, a.id as session_id, a.start_date, a.end_date, g.courses,
            case when g.courses = 1 then g.course_id end as course_id, app.read_day(t.attended_on) as day,
            case when t.minutes_late ~ '^[0-9]{1,3}$' then t.minutes_late::smallint end as late
        from trimmed as t
        left join app.students as x on x.institution_id = institution and x.student_number = t.student_number
        left join app.academic_sessions as a on a.institution_id = institution and a.code = t.session_code
        left join given as g on g.code = t.course_code and g.academic_session_id = a.id
    ),
    known as (
        select t.*, min(t.line) over (partition by t.student_id, t.course_id, t.day) as first_line,
            exists (select from app.attendance as x where x.student_id = t.student_id and x.course_id = t.course_id
                and x.attended_on = t.day) as is_there
        from typed as t
    )
    select k.line, nullif(concat_ws('; ',
            case when k.student_number is null then 'student_number is missing'
                when k.student_id is null then 'student_number is unknown: ' || left(k.student_number, 40) end,
            case when k.session_code is null then 'session_code is missing'
                when k.session_id is null then 'session_code is unknown: ' || left(k.session_code, 40) end,
            case when k.course_code is null then 'course_code is missing'
                when k.courses > 1 then 'course_code is one of several programmes in that session: ' || left(k.course_code, 40)
                when k.courses is null and k.session_id is not null then
                    'course_code is not given in that session: ' || left(k.course_code, 40) end,
            case when k.attended_on is null then 'attended_on is missing'
                when k.day is null then 'attended_on is no day as YYYY-MM-DD: ' || left(k.attended_on, 40)
                when k.day > current_date + 1 then 'attended_on is still to come: ' || k.attended_on
                when k.day not between k.start_date and k.end_date then
                    'attended_on is outside the session: ' || k.attended_on end,
            case when k.status is null then 'status is missing'
                when k.status not in ('present', 'absent', 'late', 'excused') then
                    'status is none of present, absent, late, excused: ' || left(k.status, 40)
                when k.status = 'late' and k.minutes_late is null then 'minutes_late is missing'
                when k.status <> 'late' and k.minutes_late is not null then
                    'minutes_late has no place where the status is ' || k.status end,
            case when k.minutes_late is null or k.late between 1 and 600 then null
                else 'minutes_late is no number from 1 to 600: ' || left(k.minutes_late, 40) end,
            case when length(k.remarks) > 2000 then 'remarks is longer than 2000 characters' end,
            case when k.is_there then 'the attendance is there already'
                when k.first_line < k.line and k.student_id is not null and k.course_id is not null and k.day is not null then
                    'the attendance stands in line ' || k.first_line || ' already' end
        ), ''), k.content, k.student_id, k.course_id, k.session_id, k.day, k.status, k.late, k.remarks
    from known as k;
end
$$;
comment on function app.judged_attendance(uuid, uuid) is 'The lines of a file of attendance: as they would be, or why they cannot';

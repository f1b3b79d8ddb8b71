-- unisys:owner app_owner
-- One function for each kind of file: every line of a load run with the values it would have in its table, or why it cannot be
-- there; all reasons at once. What is blank is missing; the second of two equal lines is the one too many.

create function app.judged_students(load_run uuid, institution uuid)
    returns table (line bigint, reason text, content text, student_number text, first_name text, middle_name text,
        last_name text, date_of_birth date, gender text, email text, phone text, admitted_on date, status text)
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    return query
    with trimmed as (
        select s.line, (to_jsonb(s) - '{load_run_id,line}'::text[])::text as content,
            nullif(btrim(s.student_number), '') as student_number, nullif(btrim(s.first_name), '') as first_name,
            nullif(btrim(s.middle_name), '') as middle_name, nullif(btrim(s.last_name), '') as last_name,
            nullif(btrim(s.date_of_birth), '') as date_of_birth, lower(nullif(btrim(s.gender), '')) as gender,
            nullif(btrim(s.email), '') as email, nullif(btrim(s.phone), '') as phone,
            nullif(btrim(s.admitted_on), '') as admitted_on, lower(coalesce(nullif(btrim(s.status), ''), 'active')) as status
        from etl.staging_students as s
        where s.load_run_id = load_run
    ),
    known as (
        select t.*, app.read_day(t.date_of_birth) as born, app.read_day(t.admitted_on) as admitted,
            min(t.line) over (partition by t.student_number) as first_line,
            exists (select from app.students as x
                where x.institution_id = institution and x.student_number = t.student_number) as is_there
        from trimmed as t
    )
    select k.line, nullif(concat_ws('; ',
            case when k.student_number is null then 'student_number is missing'
                when length(k.student_number) > 50 then 'student_number is longer than 50 characters'
                when k.is_there then 'student_number is taken: ' || k.student_number
                when k.first_line < k.line then 'student_number stands in line ' || k.first_line || ' already' end,
            case when k.first_name is null then 'first_name is missing'
                when length(k.first_name) > 200 then 'first_name is longer than 200 characters' end,
            case when length(k.middle_name) > 200 then 'middle_name is longer than 200 characters' end,
            case when k.last_name is null then 'last_name is missing'
                when length(k.last_name) > 200 then 'last_name is longer than 200 characters' end,
            case when k.date_of_birth is null then 'date_of_birth is missing'
                when k.born is null then 'date_of_birth is no day as YYYY-MM-DD: ' || left(k.date_of_birth, 40)
                when k.born <= date '1900-01-01' then 'date_of_birth is before 1900-01-02: ' || k.date_of_birth
                when k.born >= k.admitted then 'date_of_birth is not before admitted_on: ' || k.date_of_birth end,
            case when k.gender not in ('female', 'male', 'other') then
                'gender is none of female, male, other: ' || left(k.gender, 40) end,
            case when length(k.email) > 254 then 'email is longer than 254 characters'
                when position('@' in k.email) < 2 then 'email is no address: ' || left(k.email, 40) end,
            case when length(k.phone) > 50 then 'phone is longer than 50 characters' end,
            case when k.admitted_on is null then 'admitted_on is missing'
                when k.admitted is null then 'admitted_on is no day as YYYY-MM-DD: ' || left(k.admitted_on, 40) end,
            case when k.status not in ('applicant', 'active', 'suspended', 'graduated', 'withdrawn') then
                'status is none of applicant, active, suspended, graduated, withdrawn: ' || left(k.status, 40) end
        ), ''), k.content, k.student_number, k.first_name, k.middle_name, k.last_name, k.born, k.gender, k.email, k.phone,
        k.admitted, k.status
    from known as k;
end
$$;
comment on function app.judged_students(uuid, uuid) is 'The lines of a file of students: as they would be, or why they cannot';

create function app.judged_courses(load_run uuid, institution uuid)
    returns table (line bigint, reason text, content text, program_id uuid, code text, name text, credits smallint,
        hours_per_week smallint, is_core boolean)
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    return query
    with trimmed as (
        select s.line, (to_jsonb(s) - '{load_run_id,line}'::text[])::text as content,
            nullif(btrim(s.program_code), '') as program_code, nullif(btrim(s.code), '') as code,
            nullif(btrim(s.name), '') as name, nullif(btrim(s.credits), '') as credits,
            nullif(btrim(s.hours_per_week), '') as hours_per_week, lower(coalesce(nullif(btrim(s.is_core), ''), 'true')) as is_core
        from etl.staging_courses as s
        where s.load_run_id = load_run
    ),
    known as (
        select t.*, p.id as program_id,
            case when t.credits ~ '^[0-9]{1,3}$' then t.credits::smallint end as points,
            case when t.hours_per_week ~ '^[0-9]{1,3}$' then t.hours_per_week::smallint end as hours,
            case when t.is_core in ('true', 't', 'yes', 'y', '1') then true
                when t.is_core in ('false', 'f', 'no', 'n', '0') then false end as core,
            min(t.line) over (partition by t.program_code, t.code) as first_line,
            exists (select from app.courses as x where x.program_id = p.id and x.code = t.code) as is_there
        from trimmed as t
        left join app.programs as p on p.institution_id = institution and p.code = t.program_code
    )
    select k.line, nullif(concat_ws('; ',
            case when k.program_code is null then 'program_code is missing'
                when k.program_id is null then 'program_code is unknown: ' || left(k.program_code, 40) end,
            case when k.code is null then 'code is missing'
                when length(k.code) > 50 then 'code is longer than 50 characters'
                when k.is_there then 'code is taken in that programme: ' || k.code
                when k.first_line < k.line then 'code stands in line ' || k.first_line || ' already' end,
            case when k.name is null then 'name is missing'
                when length(k.name) > 300 then 'name is longer than 300 characters' end,
            case when k.credits is null then 'credits is missing'
                when k.points between 1 and 60 then null
                else 'credits is no number from 1 to 60: ' || left(k.credits, 40) end,
            case when k.hours_per_week is null or k.hours between 1 and 60 then null
                else 'hours_per_week is no number from 1 to 60: ' || left(k.hours_per_week, 40) end,
            case when k.core is null then 'is_core is neither true nor false: ' || left(k.is_core, 40) end
        ), ''), k.content, k.program_id, k.code, k.name, k.points, k.hours, k.core
    from known as k;
end
$$;
comment on function app.judged_courses(uuid, uuid) is 'The lines of a file of courses: as they would be, or why they cannot';

-- unisys:owner app_owner
-- What a loader calls: app.check_load, to see what would happen; app.merge_load, to let it happen. Both judge every line anew and
-- write into etl.rejected_rows what is wrong. They run as app_owner: a loader has no right to write schema app but this one.

create function app.process_load(load_run uuid, merge boolean, leave_rejected boolean)
    returns table (rows_read bigint, rows_rejected bigint, rows_loaded bigint)
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    run record;
    institution uuid;
    columns text;
begin
    select * into run from etl.load_runs as r where r.id = load_run for update;
    if not found then
        raise exception 'there is no load run %', load_run using errcode = 'no_data_found';
    elsif run.status not in ('loading', 'checked') then
        raise exception 'load run % is % already', load_run, run.status using errcode = 'object_not_in_prerequisite_state';
    end if;
    select i.id into institution from app.institutions as i where i.code = run.institution_code;
    if not found then
        raise exception 'load run % is of no institution: %', load_run, coalesce(run.institution_code, 'institution_code is null')
            using errcode = 'foreign_key_violation', hint = 'Set institution_code to a code of app.institutions.';
    end if;
    if merge and exists (select from etl.load_runs as r where r.status = 'loaded' and r.source_sha256 = run.source_sha256
        and (r.target, r.institution_code) = (run.target, run.institution_code))
    then
        raise exception 'the file of load run % was loaded before', load_run using errcode = 'unique_violation',
            hint = 'Its source_sha256 is that of another run.';
    end if;
    columns := case run.target
        when 'students' then 'student_number, first_name, middle_name, last_name, date_of_birth, gender, email, phone,
            admitted_on, status'
        when 'courses' then 'program_id, code, name, credits, hours_per_week, is_core'
        when 'payments' then 'student_id, amount, currency, method, status, paid_at, description'
        when 'attendance' then 'student_id, course_id, academic_session_id, attended_on, status, minutes_late, remarks'
    end;
    delete from etl.rejected_rows as r where r.load_run_id = load_run;
    -- One statement, so that what is merged is what was judged, whatever others write into staging meanwhile.
    execute format(
        'with judged as materialized (select * from app.%1$I($1, $2)),
        verdict as (select count(*) as lines, count(reason) as rejected from judged),
        noted as (
            insert into etl.rejected_rows (load_run_id, line, reason, content)
            select $1, line, reason, content from judged where reason is not null),
        merged as (
            insert into app.%2$I (institution_id, %3$s)
            select $2, %3$s from judged where reason is null and $3 and ($4 or (select rejected from verdict) = 0)
            order by line returning 1)
        select lines, rejected, (select count(*) from merged) from verdict',
        'judged_' || run.target, run.target, columns)
        into rows_read, rows_rejected, rows_loaded using load_run, institution, merge, leave_rejected;
    if rows_read = 0 then
        raise exception 'load run % has no lines', load_run using errcode = 'no_data_found',
            hint = format('Its lines belong into etl.staging_%s.', run.target);
    end if;
    merge := merge and (leave_rejected or rows_rejected = 0);
    update etl.load_runs as r
    set status = case when merge then 'loaded' else 'checked' end, rows_read = process_load.rows_read,
        rows_rejected = process_load.rows_rejected, rows_loaded = process_load.rows_loaded,
        finished_at = case when merge then greatest(clock_timestamp(), r.started_at) end
    where r.id = load_run;
    if merge then
        perform app.audit_event('import', run.target, load_run,
            format('%s lines of %s, %s of them rejected', rows_read, run.source, rows_rejected), institution_id => institution);
    end if;
    return next;
end
$$;
comment on function app.process_load(uuid, boolean, boolean) is 'What app.check_load and app.merge_load have in common';

create function app.check_load(load_run uuid)
    returns table (rows_read bigint, rows_rejected bigint, rows_loaded bigint)
    language sql security definer
    set search_path = pg_catalog, pg_temp
as $$
    select * from app.process_load(load_run, false, false)
$$;
comment on function app.check_load(uuid) is
    'Judges the lines of a load run and writes what is wrong into etl.rejected_rows; merges nothing';

create function app.merge_load(load_run uuid, leave_rejected boolean default false)
    returns table (rows_read bigint, rows_rejected bigint, rows_loaded bigint)
    language sql security definer
    set search_path = pg_catalog, pg_temp
as $$
    select * from app.process_load(load_run, true, leave_rejected)
$$;
comment on function app.merge_load(uuid, boolean) is
    'Merges a load run into its table: all lines or none; with leave_rejected, all that nothing is wrong with';

-- unisys:owner app_owner
-- What must be forgotten: deleted accounts after 30 days, and people who ask. Records and their numbers stay, for statistics;
-- names, addresses and free text go, from the archive and from the audit log as well. A backup keeps them until it is pruned.

create function app.scrub_audit(resource text, personal text[], ids uuid[]) returns void
    language sql
    set search_path = pg_catalog, pg_temp
as $$
    update app.audit_logs
    set old_values = app.hide(old_values, personal), new_values = app.hide(new_values, personal)
    where resource_type = resource and resource_id = any (ids) and (old_values ?| personal or new_values ?| personal)
$$;
comment on function app.scrub_audit(text, text[], uuid[]) is 'Blots personal values of some rows out of the audit log';

create function app.forget_traces(users uuid[]) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.scrub_audit('users', array['username', 'email', 'first_name', 'last_name', 'phone', 'picture'], users);
    update app.audit_logs set ip_address = null, user_agent = null, request_path = null
    where user_id = any (users) and (ip_address is not null or user_agent is not null or request_path is not null);
end
$$;
comment on function app.forget_traces(uuid[]) is 'Takes what identifies these users out of the audit log';

create function app.purge_users(deleted_before timestamptz default now() - interval '30 days', max_rows integer default 1000)
    returns bigint
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    gone uuid[];
begin
    if deleted_before > now() - interval '30 days' then
        raise exception 'deleted accounts stay for 30 days' using errcode = 'invalid_parameter_value';
    end if;
    -- Who still has a borrowed book stays until it is back.
    gone := array(
        select u.id from app.users as u
        where u.deleted_at < deleted_before
            and not exists (select from app.library_loans as l where l.user_id = u.id and l.returned_at is null)
        order by u.deleted_at limit max_rows);
    delete from app.users where id = any (gone);
    perform app.forget_traces(gone);
    return cardinality(gone);
end
$$;
comment on function app.purge_users(timestamptz, integer) is
    'Removes accounts deleted before a moment, at most so many, for good; how many';

create function app.anonymize_user(user_id uuid) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    update app.users as u set username = 'former-' || u.id, email = u.id || '@anonymous.invalid', password_hash = null,
        first_name = 'Former', last_name = 'user', phone = null, picture = null, is_active = false,
        is_staff = false, is_superuser = false, anonymized_at = now()
    where u.id = anonymize_user.user_id and u.anonymized_at is null;
    delete from app.sessions as s where s.user_id = anonymize_user.user_id;
    perform app.forget_traces(array[user_id]);
end
$$;
comment on function app.anonymize_user(uuid) is 'Takes what identifies a person out of an account, which is closed';

create function app.anonymize_student(student uuid) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    update app.students set first_name = 'Former', middle_name = null, last_name = 'student', date_of_birth = null,
        gender = null, national_id = null, email = null, phone = null, address = null, city = null, country = null,
        postal_code = null, profile = '{}', notes = null, is_active = false, anonymized_at = now()
    where id = student and anonymized_at is null;
    if not found then
        return;
    end if;
    perform app.anonymize_user(user_id) from app.students where id = student and user_id is not null;
    update app.payments set payer_account = null, description = null where student_id = student;
    update app.attendance set remarks = null where student_id = student and remarks is not null;
    update app.archived_payments set payer_account = null, description = null where student_id = student;
    update app.archived_attendance set remarks = null where student_id = student and remarks is not null;
    perform app.scrub_audit('students', array['first_name', 'middle_name', 'last_name', 'date_of_birth', 'gender',
        'national_id', 'email', 'phone', 'address', 'city', 'country', 'postal_code', 'profile', 'notes'], array[student]);
    perform app.scrub_audit('payments', array['description'], array(
        select id from app.payments where student_id = student
        union all select id from app.archived_payments where student_id = student));
    perform app.scrub_audit('attendance', array['remarks'], array(
        select id from app.attendance where student_id = student
        union all select id from app.archived_attendance where student_id = student));
end
$$;
comment on function app.anonymize_student(uuid) is
    'Takes what identifies a student out of their records, archive, account and audit; numbers and results stay';

-- unisys:owner app_owner
-- Row-level security: who sees which rows through `app_user`, the web application's login. Whom it acts for is a setting of the
-- transaction; what that person is, is looked up here and taken from nobody's word. No setting: nobody, no rows.
--
-- The questions below are asked once a statement: policies put them into a scalar subselect, which the planner runs first
-- (InitPlan). What is left for each row is a comparison of uuids, which is leakproof, so indexes serve queries as before.
-- They are functions of the owner, because a policy that reads a table with policies would ask itself.
--
-- Not forced on owners: their functions, materialised views and restores would read nothing, and nobody would notice. For
-- the same reason every role that may be given SELECT has a policy of its own that shows all rows: the privileges decide.

create function app.acting_user() returns uuid
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select u.id from app.users as u where u.id = app.current_user_id() and u.is_active
$$;
comment on function app.acting_user() is 'Whom the application acts for, while the account is active; null: nobody';

create function app.acting_student() returns uuid
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select s.id from app.students as s where s.user_id = app.acting_user()
$$;
comment on function app.acting_student() is 'The student whose account acts; null: it is no student''s';

create function app.acting_institutions() returns uuid[]
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select case
        when u.is_superuser then array(select i.id from app.institutions as i)
        when u.institution_id is null then '{}'
        else array[u.institution_id]
    end
    from app.users as u
    where u.id = app.acting_user()
$$;
comment on function app.acting_institutions() is 'The institutions whose catalogue of courses and books the acting user sees; null: nobody';

create function app.staff_institutions() returns uuid[]
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select app.acting_institutions()
    from app.users as u
    where u.id = app.acting_user() and (u.is_staff or u.is_superuser)
$$;
comment on function app.staff_institutions() is 'The institutions whose records the acting user keeps; null: none';

create function app.may(permission text) returns boolean
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select coalesce((
        select u.is_superuser or permission = any (p.permissions)
        from app.users as u
        left join app.user_permissions as p on p.user_id = u.id
        where u.id = app.acting_user()), false)
$$;
comment on function app.may(text) is 'Whether the acting user has a permission; superusers have all';

create function app.protect(protected regclass, seen text, kept text) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('alter table %s enable row level security', protected);
    execute format('create policy seen on %s for select to app_user using (%s)', protected, seen);
    if kept is not null then
        execute format('create policy added on %s for insert to app_user with check (%s)', protected, kept);
        execute format('create policy changed on %s for update to app_user using (%s) with check (%s)', protected, kept, kept);
    end if;
    execute format('create policy readers on %s for select to analysis_owner, qa_owner, etl_owner, d_analyst, d_engineer,
        qa_engineer, dba using (true)', protected);
end
$$;
comment on function app.protect(regclass, text, text) is
    'Switches row-level security on: which rows app_user sees, which it may write (null: none); readers see all';

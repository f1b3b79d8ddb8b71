-- unisys:owner app_owner

create table app.course_prerequisites (
    institution_id uuid not null,
    course_id uuid not null,
    prerequisite_id uuid not null,
    created_at timestamptz not null default now(),
    created_by uuid,
    constraint course_prerequisites_pkey primary key (course_id, prerequisite_id),
    constraint course_prerequisites_self_check check (course_id <> prerequisite_id),
    constraint course_prerequisites_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint course_prerequisites_course_fkey
        foreign key (institution_id, course_id) references app.courses (institution_id, id),
    constraint course_prerequisites_prerequisite_fkey
        foreign key (institution_id, prerequisite_id) references app.courses (institution_id, id)
);
comment on table app.course_prerequisites is 'One row: a course that must be passed before another';
comment on column app.course_prerequisites.prerequisite_id is 'The course that comes first';
create index course_prerequisites_prerequisite_idx on app.course_prerequisites (prerequisite_id);
create index course_prerequisites_institution_idx on app.course_prerequisites (institution_id);

-- No course comes before itself, however long the way round. Two transactions could each add one half of a circle, and
-- neither see the other's: changes are made one after the other, by a lock taken before the first row is written; and not
-- with one snapshot for all statements, which would look past the other's half.
create function app.lock_prerequisites() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('transaction_isolation') = 'repeatable read' then
        raise exception 'prerequisites are not changed in REPEATABLE READ'
            using errcode = 'invalid_transaction_state', hint = 'Use READ COMMITTED or SERIALIZABLE.';
    end if;
    perform pg_advisory_xact_lock(1970170227, 3);
    return null;
end
$$;
comment on function app.lock_prerequisites() is 'Trigger: one transaction at a time changes prerequisites';

create function app.refuse_circles() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    circle uuid;
begin
    with recursive before (start, course) as (
        select course_id, prerequisite_id from changed
        union
        select b.start, p.prerequisite_id
        from before as b
        join app.course_prerequisites as p on p.course_id = b.course
        where b.start <> b.course
    )
    select start into circle from before where start = course limit 1;
    if circle is not null then
        raise exception 'course % would come before itself', (select code from app.courses where id = circle)
            using errcode = 'check_violation', constraint = 'course_prerequisites_circle',
                schema = 'app', table = 'course_prerequisites';
    end if;
    return null;
end
$$;
comment on function app.refuse_circles() is 'Trigger: refuses a statement that closes a circle of prerequisites';

create trigger lock_prerequisites before insert or update on app.course_prerequisites
    for each statement execute function app.lock_prerequisites();
create trigger refuse_circles_insert after insert on app.course_prerequisites
    referencing new table as changed for each statement execute function app.refuse_circles();
create trigger refuse_circles_update after update on app.course_prerequisites
    referencing new table as changed for each statement execute function app.refuse_circles();

select app.track('app.course_prerequisites');

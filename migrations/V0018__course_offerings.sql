-- unisys:owner app_owner
-- A course as it is given in one session. `taken` is kept by the triggers of course_enrollments, and the rule that nobody
-- gets a place that is not there is an ordinary CHECK: it holds whatever the isolation level, because two who want the last
-- place update the same row.

create table app.course_offerings (
    institution_id uuid not null,
    course_id uuid not null,
    academic_session_id uuid not null,
    lecturer_id uuid,
    room text,
    capacity integer,
    taken integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint course_offerings_pkey primary key (course_id, academic_session_id),
    constraint course_offerings_capacity_check check (taken <= capacity),
    constraint course_offerings_taken_check check (taken >= 0),
    constraint course_offerings_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint course_offerings_course_fkey
        foreign key (institution_id, course_id) references app.courses (institution_id, id),
    constraint course_offerings_session_fkey
        foreign key (institution_id, academic_session_id) references app.academic_sessions (institution_id, id),
    constraint course_offerings_lecturer_fkey foreign key (lecturer_id) references app.users (id) on delete set null
);
comment on table app.course_offerings is 'One row: a course as it is given in one session';
comment on column app.course_offerings.capacity is 'Places; null: no limit';
comment on column app.course_offerings.taken is 'Places taken: course enrolments that were not dropped';
create index course_offerings_session_idx on app.course_offerings (academic_session_id);
create index course_offerings_institution_idx on app.course_offerings (institution_id);
create index course_offerings_lecturer_idx on app.course_offerings (lecturer_id) where lecturer_id is not null;

-- `taken` changes with each enrolment, and those are recorded.
select app.track('app.course_offerings', '-taken');

create function app.count_places(course uuid[], academic_session uuid[], places integer[]) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    -- Locked in one order, so that two statements that share several courses never wait for each other crosswise.
    perform from app.course_offerings as o
    where (o.course_id, o.academic_session_id) in (select * from unnest(course, academic_session))
    order by o.course_id, o.academic_session_id
    for no key update;
    update app.course_offerings as o
    set taken = o.taken + d.places
    from (
        select c, s, sum(p)::integer as places from unnest(course, academic_session, places) as u (c, s, p) group by c, s
    ) as d
    where o.course_id = d.c and o.academic_session_id = d.s and d.places <> 0;
end
$$;
comment on function app.count_places(uuid[], uuid[], integer[]) is 'Adds places taken (or given back) to course offerings';

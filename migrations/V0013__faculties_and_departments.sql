-- unisys:owner app_owner
-- Every academic record names its institution, and refers to others together with theirs: what belongs to one institution
-- cannot point into another. That is what the keys (institution_id, id) beside the primary keys are for.

create table app.faculties (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    code text not null,
    name text not null,
    description text,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint faculties_pkey primary key (id),
    constraint faculties_institution_key unique (institution_id, id),
    constraint faculties_code_key unique (institution_id, code),
    constraint faculties_code_check check (code <> ''),
    constraint faculties_name_check check (name <> ''),
    constraint faculties_institution_fkey foreign key (institution_id) references app.institutions (id)
);
comment on table app.faculties is 'One row: a faculty of an institution';

create table app.departments (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    faculty_id uuid not null,
    code text not null,
    name text not null,
    description text,
    head_id uuid,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint departments_pkey primary key (id),
    constraint departments_institution_key unique (institution_id, id),
    constraint departments_code_key unique (faculty_id, code),
    constraint departments_code_check check (code <> ''),
    constraint departments_name_check check (name <> ''),
    constraint departments_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint departments_faculty_fkey
        foreign key (institution_id, faculty_id) references app.faculties (institution_id, id),
    constraint departments_head_fkey foreign key (head_id) references app.users (id) on delete set null
);
comment on table app.departments is 'One row: a department of a faculty';
comment on column app.departments.head_id is 'Who heads it; null: nobody at the moment';
create index departments_head_idx on app.departments (head_id) where head_id is not null;

select app.track('app.faculties');
select app.track('app.departments');

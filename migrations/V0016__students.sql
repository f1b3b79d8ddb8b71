-- unisys:owner app_owner

create table app.students (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    user_id uuid,
    student_number text not null,
    first_name text not null,
    middle_name text,
    last_name text not null,
    date_of_birth date,
    gender text,
    national_id app.ciphertext,
    email text,
    phone text,
    address text,
    city text,
    country text,
    postal_code text,
    admitted_on date not null,
    status text not null default 'active',
    is_active boolean not null default true,
    anonymized_at timestamptz,
    profile jsonb not null default '{}',
    notes text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint students_pkey primary key (id),
    constraint students_institution_key unique (institution_id, id),
    constraint students_number_key unique (institution_id, student_number),
    constraint students_user_key unique (user_id),
    constraint students_number_check check (student_number <> ''),
    constraint students_birth_check check (date_of_birth > date '1900-01-01' and date_of_birth < admitted_on),
    constraint students_birth_known_check check (date_of_birth is not null or anonymized_at is not null),
    constraint students_gender_check check (gender in ('female', 'male', 'other')),
    constraint students_country_check check (country ~ '^[A-Z]{2}$'),
    constraint students_status_check
        check (status in ('applicant', 'active', 'suspended', 'graduated', 'withdrawn')),
    constraint students_profile_check check (jsonb_typeof(profile) = 'object'),
    constraint students_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint students_user_fkey foreign key (user_id) references app.users (id) on delete set null
);
comment on table app.students is 'One row: a student of one institution, with or without an account';
comment on column app.students.user_id is 'The account the student signs in with; null: none';
comment on column app.students.gender is 'Null: not stated';
comment on column app.students.national_id is 'Encrypted: app.encrypt writes it, app.decrypt reads it';
comment on column app.students.profile is 'What differs between institutions: an object';
comment on column app.students.is_active is 'False instead of deleted: records stay';
comment on column app.students.anonymized_at is 'Since when the personal values are gone; the records stay for statistics';

create index students_name_idx on app.students (institution_id, last_name, first_name);

select app.track('app.students', 'national_id');

-- unisys:owner app_owner

create table app.institutions (
    id uuid not null default gen_random_uuid(),
    code text not null,
    name text not null,
    kind text not null default 'university',
    address text,
    city text,
    country text,
    postal_code text,
    phone text,
    email text,
    website text,
    logo text,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint institutions_pkey primary key (id),
    constraint institutions_code_key unique (code),
    constraint institutions_code_check check (code <> ''),
    constraint institutions_name_check check (name <> ''),
    constraint institutions_kind_check check (kind in ('university', 'college', 'institute', 'school')),
    constraint institutions_country_check check (country ~ '^[A-Z]{2}$')
);
comment on table app.institutions is 'One row: a university or college; several share one database';
comment on column app.institutions.country is 'ISO 3166-1, two letters';
comment on column app.institutions.logo is 'Path or address of a picture';

create table app.users (
    id uuid not null default gen_random_uuid(),
    institution_id uuid,
    username text not null,
    email text not null,
    password_hash text,
    first_name text not null,
    last_name text not null,
    phone text,
    picture text,
    is_active boolean not null default true,
    is_staff boolean not null default false,
    is_superuser boolean not null default false,
    last_login timestamptz,
    date_joined timestamptz not null default now(),
    deleted_at timestamptz,
    anonymized_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint users_pkey primary key (id),
    constraint users_username_check check (username = btrim(username) and length(username) between 1 and 150),
    constraint users_email_check check (length(email) <= 254 and position('@' in email) > 1),
    constraint users_deleted_check check (deleted_at is null or not is_active),
    constraint users_staff_check check (not is_staff or is_superuser or institution_id is not null),
    constraint users_institution_fkey foreign key (institution_id) references app.institutions (id)
);
comment on table app.users is 'One row: a person who can sign in to the web application';
comment on column app.users.institution_id is 'Null: the account belongs to no single institution';
comment on column app.users.password_hash is 'PHC string; null: nobody can sign in with a password';
comment on column app.users.is_staff is 'Sees and keeps the records of the institution';
comment on column app.users.is_superuser is 'Sees everything, whatever the roles say';
comment on column app.users.deleted_at is 'Deleted by the user; 30 days later removed for good by app.purge_users';
comment on column app.users.anonymized_at is 'Since when the personal values are gone';

-- Names and addresses differ by more than case.
create unique index users_username_key on app.users (lower(username));
create unique index users_email_key on app.users (lower(email));
create index users_institution_idx on app.users (institution_id) where institution_id is not null;
create index users_deleted_idx on app.users (deleted_at) where deleted_at is not null;

select app.track('app.institutions');
select app.track('app.users', 'password_hash');

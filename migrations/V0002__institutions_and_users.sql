-- unisys:owner app_owner

create function app.set_updated_at() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    new.updated_at := now();
    return new;
end
$$;
comment on function app.set_updated_at() is 'Trigger: keeps updated_at true, whoever writes';

create table app.institutions (
    id uuid not null default gen_random_uuid(),
    code text not null,
    name text not null,
    kind text not null default 'university',
    address text,
    city text,
    country text,
    phone text,
    email text,
    website text,
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

create table app.users (
    id uuid not null default gen_random_uuid(),
    institution_id uuid,
    username text not null,
    email text not null,
    password_hash text,
    first_name text not null,
    last_name text not null,
    phone text,
    is_active boolean not null default true,
    is_staff boolean not null default false,
    is_superuser boolean not null default false,
    last_login timestamptz,
    date_joined timestamptz not null default now(),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint users_pkey primary key (id),
    constraint users_username_check check (username = btrim(username) and length(username) between 1 and 150),
    constraint users_email_check check (length(email) <= 254 and position('@' in email) > 1),
    constraint users_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint users_created_by_fkey foreign key (created_by) references app.users (id),
    constraint users_updated_by_fkey foreign key (updated_by) references app.users (id)
);
comment on table app.users is 'One row: a person who can sign in to the web application';
comment on column app.users.institution_id is 'Null: the account belongs to no single institution';
comment on column app.users.password_hash is 'PHC string; null: nobody can sign in with a password';

-- Names and addresses differ by more than case.
create unique index users_username_key on app.users (lower(username));
create unique index users_email_key on app.users (lower(email));
create index users_institution_idx on app.users (institution_id) where institution_id is not null;
create index users_created_by_idx on app.users (created_by) where created_by is not null;
create index users_updated_by_idx on app.users (updated_by) where updated_by is not null;

alter table app.institutions
    add constraint institutions_created_by_fkey foreign key (created_by) references app.users (id),
    add constraint institutions_updated_by_fkey foreign key (updated_by) references app.users (id);
create index institutions_created_by_idx on app.institutions (created_by) where created_by is not null;
create index institutions_updated_by_idx on app.institutions (updated_by) where updated_by is not null;

create trigger set_updated_at before update on app.institutions
    for each row execute function app.set_updated_at();
create trigger set_updated_at before update on app.users
    for each row execute function app.set_updated_at();

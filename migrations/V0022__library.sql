-- unisys:owner app_owner

create table app.library_items (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    kind text not null default 'book',
    title text not null,
    author text,
    isbn text,
    published_year smallint,
    subject text,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint library_items_pkey primary key (id),
    constraint library_items_institution_key unique (institution_id, id),
    constraint library_items_kind_check check (kind in ('book', 'journal', 'thesis', 'map', 'recording', 'device')),
    constraint library_items_title_check check (title <> ''),
    constraint library_items_isbn_check check (isbn ~ '^([0-9]{9}[0-9X]|97[89][0-9]{10})$'),
    constraint library_items_year_check check (published_year between 1000 and 2200),
    constraint library_items_institution_fkey foreign key (institution_id) references app.institutions (id)
);
comment on table app.library_items is 'One row: a title in a library''s catalogue';
comment on column app.library_items.isbn is 'ISBN-10 or ISBN-13, digits only; null: it has none';
create index library_items_title_idx on app.library_items (institution_id, title);
create index library_items_isbn_idx on app.library_items (isbn) where isbn is not null;

create table app.library_copies (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    item_id uuid not null,
    barcode text not null,
    shelf text,
    condition text not null default 'good',
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint library_copies_pkey primary key (id),
    constraint library_copies_institution_key unique (institution_id, id),
    constraint library_copies_barcode_key unique (institution_id, barcode),
    constraint library_copies_condition_check check (condition in ('new', 'good', 'worn', 'damaged', 'lost')),
    constraint library_copies_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint library_copies_item_fkey
        foreign key (institution_id, item_id) references app.library_items (institution_id, id)
);
comment on table app.library_copies is 'One row: a copy of a title, which can be lent';
create index library_copies_item_idx on app.library_copies (item_id);

create table app.library_loans (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    copy_id uuid not null,
    student_id uuid,
    user_id uuid,
    lent_at timestamptz not null default now(),
    due_on date not null,
    returned_at timestamptz,
    renewals smallint not null default 0,
    fine numeric(8, 2) not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint library_loans_pkey primary key (id),
    -- A copy is with one person at a time; also what is entered later must fit in.
    constraint library_loans_overlap
        exclude using gist (copy_id with =, tstzrange(lent_at, returned_at) with &&),
    constraint library_loans_borrower_check check (num_nonnulls(student_id, user_id) <= 1),
    constraint library_loans_open_check check (returned_at is not null or num_nonnulls(student_id, user_id) = 1),
    constraint library_loans_due_check check (due_on >= (lent_at at time zone 'UTC')::date),
    constraint library_loans_returned_check check (returned_at > lent_at),
    constraint library_loans_renewals_check check (renewals between 0 and 20),
    constraint library_loans_fine_check check (fine >= 0),
    constraint library_loans_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint library_loans_copy_fkey
        foreign key (institution_id, copy_id) references app.library_copies (institution_id, id),
    constraint library_loans_student_fkey
        foreign key (institution_id, student_id) references app.students (institution_id, id),
    constraint library_loans_user_fkey foreign key (user_id) references app.users (id) on delete set null
);
comment on table app.library_loans is 'One row: a copy lent to a student, or to somebody with an account';
comment on column app.library_loans.user_id is 'A borrower who is no student; goes with the account once it is returned';
comment on column app.library_loans.returned_at is 'Null: still out';
create index library_loans_copy_idx on app.library_loans (copy_id);
create index library_loans_student_idx on app.library_loans (student_id) where student_id is not null;
create index library_loans_user_idx on app.library_loans (user_id) where user_id is not null;
create index library_loans_open_idx on app.library_loans (institution_id, due_on) where returned_at is null;
create index library_loans_institution_idx on app.library_loans (institution_id, lent_at);

select app.track('app.library_items');
select app.track('app.library_copies');
select app.track('app.library_loans');

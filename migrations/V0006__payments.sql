-- unisys:owner app_owner

create table app.payments (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    student_id uuid not null,
    enrollment_id uuid,
    receipt_number text not null,
    amount numeric(12, 2) not null,
    currency text not null default 'EUR',
    method text not null,
    status text not null default 'pending',
    description text,
    paid_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint payments_pkey primary key (id),
    constraint payments_receipt_key unique (institution_id, receipt_number),
    constraint payments_amount_check check (amount > 0),
    constraint payments_currency_check check (currency ~ '^[A-Z]{3}$'),
    constraint payments_method_check check (method in ('cash', 'card', 'transfer', 'mobile', 'cheque')),
    constraint payments_status_check check (status in ('pending', 'paid', 'failed', 'refunded')),
    constraint payments_paid_check check ((status in ('paid', 'refunded')) = (paid_at is not null)),
    constraint payments_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint payments_student_fkey foreign key (student_id) references app.students (id),
    constraint payments_enrollment_fkey foreign key (enrollment_id) references app.enrollments (id),
    constraint payments_created_by_fkey foreign key (created_by) references app.users (id),
    constraint payments_updated_by_fkey foreign key (updated_by) references app.users (id)
);
comment on table app.payments is 'One row: money a student paid or is to pay';
comment on column app.payments.enrollment_id is 'What it was paid for; null: something else than tuition';
comment on column app.payments.currency is 'ISO 4217, three letters';

create index payments_student_idx on app.payments (student_id, paid_at);
create index payments_enrollment_idx on app.payments (enrollment_id) where enrollment_id is not null;
create index payments_created_by_idx on app.payments (created_by) where created_by is not null;
create index payments_updated_by_idx on app.payments (updated_by) where updated_by is not null;

create trigger set_updated_at before update on app.payments
    for each row execute function app.set_updated_at();

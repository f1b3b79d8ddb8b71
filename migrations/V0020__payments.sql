-- unisys:owner app_owner
-- Receipts are numbered without a gap, each institution by itself: a sequence would lose the number of a payment that was
-- rolled back. The next number is a row; who takes it makes the others wait until the end of the transaction.

create table app.receipt_counters (
    institution_id uuid not null,
    last_number bigint not null default 0,
    constraint receipt_counters_pkey primary key (institution_id),
    constraint receipt_counters_number_check check (last_number >= 0),
    constraint receipt_counters_institution_fkey foreign key (institution_id) references app.institutions (id)
);
comment on table app.receipt_counters is 'One row: the last receipt number an institution gave';

create table app.payments (
    id uuid not null default gen_random_uuid(),
    institution_id uuid not null,
    student_id uuid not null,
    enrollment_id uuid,
    receipt_number bigint not null,
    amount numeric(12, 2) not null,
    currency text not null default 'EUR',
    method text not null,
    status text not null default 'pending',
    payer_account app.ciphertext,
    description text,
    due_on date,
    paid_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint payments_pkey primary key (id),
    constraint payments_receipt_key unique (institution_id, receipt_number),
    constraint payments_receipt_check check (receipt_number > 0),
    constraint payments_amount_check check (amount > 0),
    constraint payments_currency_check check (currency ~ '^[A-Z]{3}$'),
    constraint payments_method_check check (method in ('cash', 'card', 'transfer', 'mobile', 'cheque')),
    constraint payments_status_check check (status in ('pending', 'paid', 'failed', 'refunded')),
    constraint payments_paid_check check ((status in ('paid', 'refunded')) = (paid_at is not null)),
    constraint payments_institution_fkey foreign key (institution_id) references app.institutions (id),
    constraint payments_student_fkey
        foreign key (institution_id, student_id) references app.students (institution_id, id),
    constraint payments_enrollment_fkey foreign key (institution_id, student_id, enrollment_id)
        references app.enrollments (institution_id, student_id, id)
);
comment on table app.payments is 'One row: money a student paid or is to pay';
comment on column app.payments.enrollment_id is 'What it was paid for; null: something else than tuition';
comment on column app.payments.receipt_number is 'Running, by institution; given when null is inserted';
comment on column app.payments.currency is 'ISO 4217, three letters';
comment on column app.payments.payer_account is 'Encrypted: the account it came from';
comment on column app.payments.due_on is 'A pending payment is in arrears from the day after; null: no date';

create index payments_student_idx on app.payments (student_id, paid_at);
create index payments_enrollment_idx on app.payments (enrollment_id) where enrollment_id is not null;
create index payments_due_idx on app.payments (institution_id, due_on) where status = 'pending';

create function app.number_receipt() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    insert into app.receipt_counters as c (institution_id, last_number) values (new.institution_id, 1)
    on conflict (institution_id) do update set last_number = c.last_number + 1
    returning last_number into new.receipt_number;
    return new;
end
$$;
comment on function app.number_receipt() is 'Trigger: gives a payment the next number of its institution';

create trigger number_receipt before insert on app.payments
    for each row when (new.receipt_number is null) execute function app.number_receipt();

select app.track('app.payments', 'payer_account');

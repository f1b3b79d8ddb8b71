-- no row: each institution is told the last receipt number it gave
insert into app.receipt_counters (institution_id, last_number)
select institution_id, max(receipt_number)
from (
    select institution_id, receipt_number from app.payments
    union all
    select institution_id, receipt_number from app.archived_payments
) as receipts
group by institution_id

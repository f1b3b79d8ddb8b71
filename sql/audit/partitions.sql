-- one row: a partition of the audit log, by month, the default one (no month) last; rows as the server estimates them
select name, month, rows, bytes from app.audit_partitions()

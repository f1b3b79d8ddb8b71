-- one row: the entry of the audit log that says $1
select app.audit_event('generate', message => $1)

-- unisys:owner app_owner
-- A rule of quality reads the default partition by its own name, where the policies of app.audit_logs do not reach: without one
-- here it saw no row, and held.

create policy readers on app.audit_logs_default for select to qa_owner, d_engineer, qa_engineer, dba using (true);

-- unisys:owner etl_owner
-- A file belongs to an institution, and its lines are judged and merged by functions of app_owner: who loads writes staging, and
-- schema app through them alone. What those functions do here is allowed by privilege (of the policy) and by these policies;
-- rules of quality may look, too.

alter table etl.load_runs add column institution_code text;
comment on column etl.load_runs.institution_code is
    'Whose records they are: a code of app.institutions; null: nobody said, and it cannot be merged';

create policy merging on etl.staging_students for select to app_owner using (true);
create policy merging on etl.staging_payments for select to app_owner using (true);
create policy merging on etl.staging_attendance for select to app_owner using (true);
create policy merging on etl.rejected_rows to app_owner using (true) with check (true);
create policy rules on etl.staging_students for select to qa_owner using (true);
create policy rules on etl.staging_payments for select to qa_owner using (true);
create policy rules on etl.staging_attendance for select to qa_owner using (true);
create policy rules on etl.rejected_rows for select to qa_owner using (true);

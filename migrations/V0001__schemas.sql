-- unisys:owner login
-- The four schemas, each with an owner of its own. An owner may not create schemas; the login that migrates may.

create schema app authorization app_owner;
create schema analysis authorization analysis_owner;
create schema qa authorization qa_owner;
create schema etl authorization etl_owner;

set local role app_owner;
comment on schema app is 'The university: what the web application reads and writes';
set local role analysis_owner;
comment on schema analysis is 'Views and results for analysts, without personal data where it is not needed';
set local role qa_owner;
comment on schema qa is 'Data-quality rules and their findings';
set local role etl_owner;
comment on schema etl is 'Staging and bookkeeping of imports and exports';

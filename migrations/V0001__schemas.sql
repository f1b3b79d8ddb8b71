-- unisys:owner login
-- The four schemas, each with an owner of its own, and the extensions. An owner may create neither; the login that migrates
-- may: both extensions are trusted, so CREATE on the database is enough.

create schema app authorization app_owner;
create schema analysis authorization analysis_owner;
create schema qa authorization qa_owner;
create schema etl authorization etl_owner;

-- pgcrypto encrypts columns; btree_gist lets an exclusion constraint compare ids (loans that overlap).
create extension if not exists pgcrypto with schema public;
create extension if not exists btree_gist with schema public;

-- Somebody may have made them before, elsewhere; functions and constraints name the schema.
do $$
declare
    stray text := (
        select pg_catalog.string_agg(e.extname || ' in ' || e.extnamespace::pg_catalog.regnamespace, ', ')
        from pg_catalog.pg_extension as e
        where e.extname in ('pgcrypto', 'btree_gist') and e.extnamespace <> 'public'::pg_catalog.regnamespace);
begin
    if stray is not null then
        raise exception 'extensions are expected in schema public: %', stray
            using hint = 'ALTER EXTENSION … SET SCHEMA public moves one.';
    end if;
end
$$;

set local role app_owner;
comment on schema app is 'The university: what the web application reads and writes';
set local role analysis_owner;
comment on schema analysis is 'Views and results for analysts, without personal data where it is not needed';
set local role qa_owner;
comment on schema qa is 'Data-quality rules and their findings';
set local role etl_owner;
comment on schema etl is 'Staging and bookkeeping of imports and exports';

//! What must be true of every object, asked of the catalog.

use rstest::rstest;
use unisys_db::Session;

use crate::support::{migrated, session, strings};

/// Tables of ours; a partition is as its parent.
const TABLES: &str = "(select c.* from pg_class as c
    where c.relkind in ('r', 'p') and not c.relispartition
        and c.relnamespace::regnamespace::text in ('app', 'analysis', 'qa', 'etl', 'ops'))";

/// Foreign keys without an index that begins with their columns. An institution's id beside another one adds nothing to find
/// a row by. An index may leave out nulls, but nothing else.
fn foreign_keys_without_index() -> String {
    format!(
        "select k.conname::text from pg_constraint as k join {TABLES} as t on t.oid = k.conrelid
        cross join lateral (
            select array_agg(a.attnum) filter (where a.attname <> 'institution_id' or cardinality(k.conkey) = 1) as columns
            from pg_attribute as a where a.attrelid = k.conrelid and a.attnum = any (k.conkey)) as needed
        where k.contype = 'f' and not exists (
            select from pg_index as i
            where i.indrelid = k.conrelid
                and (i.indkey::int2[])[0:cardinality(needed.columns) - 1] && needed.columns
                and (i.indkey::int2[])[0] = any (needed.columns)
                and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) = (
                    select format('(%I IS NOT NULL)', attname) from pg_attribute
                    where attrelid = k.conrelid and attnum = (i.indkey::int2[])[0])))
        order by 1"
    )
}

/// An index that another one begins with, and that leaves out no more and forbids nothing. (GIN and GiST answer otherwise.)
const REDUNDANT_INDEXES: &str = "select a.indexrelid::regclass::text from pg_index as a
    join pg_class as c on c.oid = a.indexrelid join pg_am as m on m.oid = c.relam and m.amname = 'btree'
    join pg_index as b on a.indrelid = b.indrelid and a.indexrelid <> b.indexrelid
    join pg_class as d on d.oid = b.indexrelid and d.relam = c.relam
    where c.relnamespace::regnamespace::text in ('app', 'analysis', 'qa', 'etl', 'ops')
        and not a.indisunique and a.indexprs is null and b.indexprs is null
        and (b.indpred is null or pg_get_expr(a.indpred, a.indrelid) = pg_get_expr(b.indpred, b.indrelid))
        and (b.indkey::int2[])[0:a.indnkeyatts - 1] = (a.indkey::int2[])[0:a.indnkeyatts - 1]
        and (a.indnkeyatts < b.indnkeyatts or b.indisunique or a.indexrelid < b.indexrelid)";

#[rstest]
#[case::owned_by_its_schemas_owner(
    "select c.oid::regclass::text from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('app', 'analysis', 'qa', 'etl', 'ops')
        and (c.relowner <> n.nspowner or c.relowner::regrole::text <> n.nspname || '_owner')
    union all select p.oid::regprocedure::text from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
    where n.nspname in ('app', 'analysis', 'qa', 'etl', 'ops') and p.proowner <> n.nspowner"
)]
#[case::commented(
    "select c.oid::regclass::text from pg_class as c
    where c.relkind in ('r', 'p', 'v', 'm') and obj_description(c.oid, 'pg_class') is null
        and c.relnamespace::regnamespace::text in ('app', 'analysis', 'qa', 'etl', 'ops')
    union all select p.oid::regprocedure::text from pg_proc as p
    where obj_description(p.oid, 'pg_proc') is null
        and p.pronamespace::regnamespace::text in ('app', 'analysis', 'qa', 'etl', 'ops')"
)]
#[case::with_a_primary_key(
    "select c.oid::regclass::text from pg_class as c
    where c.relkind in ('r', 'p') and c.relnamespace::regnamespace::text in ('app', 'analysis', 'qa', 'etl', 'ops')
        and not exists (select from pg_constraint where conrelid = c.oid and contype = 'p')"
)]
#[case::validated(
    "select conname::text from pg_constraint where not convalidated
    union all select indexrelid::regclass::text from pg_index where not indisvalid"
)]
#[case::indexed_once(REDUNDANT_INDEXES)]
#[case::with_a_pinned_search_path(
    "select p.oid::regprocedure::text from pg_proc as p
    where p.pronamespace::regnamespace::text in ('app', 'analysis', 'qa', 'etl', 'ops')
        and not coalesce(p.proconfig::text ~ 'search_path=pg_catalog, pg_temp', false)"
)]
#[case::closed_to_everybody(
    "select p.oid::regprocedure::text from pg_proc as p,
        aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
    where p.pronamespace::regnamespace::text in ('app', 'analysis', 'qa', 'etl', 'ops') and a.grantee = 0"
)]
#[case::with_row_level_security_where_rows_are_somebodys(
    "select distinct c.oid::regclass::text from pg_class as c join pg_attribute as a on a.attrelid = c.oid
    where c.relkind in ('r', 'p') and not c.relrowsecurity
        and c.relnamespace::regnamespace::text in ('app', 'etl')
        and (a.attname in ('user_id', 'student_id', 'executed_by', 'email', 'student_number', 'content', 'password_hash')
            or c.relnamespace = 'app'::regnamespace and a.attname = 'institution_id')
        and c.relname not like 'audit_logs_y%'"
)]
#[case::not_forced_on_owners("select oid::regclass::text from pg_class where relforcerowsecurity")]
#[case::readable_by_whoever_may_be_given_select(
    "select c.oid::regclass::text from pg_class as c
    where c.relrowsecurity and c.relnamespace = 'app'::regnamespace and not c.relispartition and not exists (
        select from pg_policies as p
        where p.schemaname = 'app' and p.tablename = c.relname and p.qual = 'true' and p.cmd = 'SELECT'
            and p.roles @> array['analysis_owner', 'qa_owner', 'd_analyst', 'd_engineer', 'qa_engineer', 'dba']::name[])"
)]
#[case::staging_seen_by_the_merge_and_by_rules(
    "select c.oid::regclass || ' ' || r.name from pg_class as c, unnest(array['app_owner', 'qa_owner']::name[]) as r (name)
    where c.relrowsecurity and c.relnamespace = 'etl'::regnamespace and not exists (
        select from pg_policies as p
        where p.schemaname = 'etl' and p.tablename = c.relname and p.qual = 'true' and r.name = any (p.roles))"
)]
#[case::audited_and_its_secrets_hidden(
    "select c.oid::regclass || '.' || a.attname from pg_class as c join pg_attribute as a on a.attrelid = c.oid
    where c.relnamespace = 'app'::regnamespace and c.relkind = 'r' and c.relname !~ '^(archived_|audit_logs)'
        and (a.atttypid = 'app.ciphertext'::regtype or a.attname ~ 'hash|token|secret')
        and exists (select from pg_trigger as t where t.tgrelid = c.oid and t.tgname = 'audit'
            and not encode(t.tgargs, 'escape') ~ a.attname)"
)]
#[case::audited(
    "select c.oid::regclass::text from pg_class as c
    where c.relnamespace = 'app'::regnamespace and c.relkind = 'r' and not c.relispartition
        and c.relname !~ '^archived_' and c.relname not in ('sessions', 'user_permissions', 'receipt_counters')
        and 2 <> (select count(*) from pg_trigger where tgrelid = c.oid and tgname in ('audit', 'audit_truncate'))"
)]
#[case::stamped(
    "select c.oid::regclass::text from pg_class as c join pg_attribute as a on a.attrelid = c.oid
    where c.relnamespace = 'app'::regnamespace and c.relkind = 'r' and c.relname !~ '^archived_'
        and a.attname = 'created_by'
        and not exists (select from pg_trigger where tgrelid = c.oid and tgname = 'stamp')"
)]
#[case::asking_who_acts_once_a_statement(
    "select tablename || '.' || policyname from pg_policies
    where schemaname = 'app'
        and regexp_replace(coalesce(qual, '') || coalesce(with_check, ''), '\\( *SELECT app\\.[^)]*\\)', '', 'g') ~ 'app\\.'"
)]
#[tokio::test]
async fn every_object_is(#[case] exceptions: &str) {
    let session = session(&migrated().await).await;
    assert_eq!(strings(&session, exceptions).await, [""; 0]);
}

#[tokio::test]
async fn every_foreign_key_has_an_index() {
    let session = session(&migrated().await).await;
    assert_eq!(strings(&session, &foreign_keys_without_index()).await, [""; 0]);
    session.batch_execute("drop index app.attendance_course_idx").await.unwrap();
    let missing = ["attendance_course_fkey", "attendance_offering_fkey"];
    assert_eq!(
        strings(&session, &foreign_keys_without_index()).await,
        missing,
        "the question finds a missing one"
    );
}

#[tokio::test]
async fn a_redundant_index_is_found() {
    let session = session(&migrated().await).await;
    session.batch_execute("create index too_much on app.courses (institution_id)").await.unwrap();
    assert_eq!(strings(&session, REDUNDANT_INDEXES).await, ["app.too_much"]);
}

/// Each lends its owner's rights to whoever may call it: a new one is a decision.
#[tokio::test]
async fn these_functions_run_as_their_owner() {
    let session = session(&migrated().await).await;
    let definers = "select oid::regprocedure::text from pg_proc
        where prosecdef and prorettype <> 'trigger'::regtype
            and pronamespace::regnamespace::text in ('app', 'analysis', 'qa', 'etl', 'ops')
        order by (oid::regprocedure::text) collate \"C\"";
    insta::assert_snapshot!(strings(&session, definers).await.join("\n"), @r"
    analysis.refresh()
    app.acting_institutions()
    app.acting_student()
    app.acting_user()
    app.audit_event(text,text,uuid,text,jsonb,uuid)
    app.check_load(uuid)
    app.close_session(bytea)
    app.find_login(text)
    app.find_session(bytea)
    app.may(text)
    app.merge_load(uuid,boolean)
    app.open_session(uuid,bytea,interval)
    app.refresh_user_permissions(uuid[])
    app.staff_institutions()
    qa.run_rule(text,integer)
    ");
}

#[tokio::test]
async fn the_tables_of_the_documents_are_there() {
    let session = session(&migrated().await).await;
    insta::assert_snapshot!(tables(&session).await);
}

async fn tables(session: &Session) -> String {
    let query = format!(
        "select t.oid::regclass || ' ' || (select count(*) from pg_attribute where attrelid = t.oid and attnum > 0)
        from {TABLES} as t order by 1"
    );
    strings(session, &query).await.join("\n")
}

//! Migrations on a live server.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;
use unisys_db::migrate::{
    MigrateError, MigrationFile, MigrationSet, OWNERS, POLICY_ROLES, State, UpOptions, UpReport, status, up,
};
use unisys_db::{Session, Target};
use unisys_testkit::database;

use crate::support::{database_on, own_server, session, strings};

fn set(files: &[(&str, &str)]) -> MigrationSet {
    let files = files.iter().map(|(name, text)| MigrationFile::parse(name, text.as_bytes()).unwrap());
    MigrationSet::new(files.collect()).unwrap()
}

async fn migrate(target: &Target, migrations: &MigrationSet) -> Result<UpReport, MigrateError> {
    up(target, migrations, &UpOptions::default(), &|_| {}).await
}

const FIRST: (&str, &str) =
    ("V0001__first.sql", "-- unisys:owner login\ncreate schema app authorization app_owner;\n");
const SECOND: (&str, &str) =
    ("V0002__second.sql", "-- unisys:owner app_owner\ncreate table app.t (id int);\n");

#[tokio::test(flavor = "multi_thread")]
async fn eight_runners_at_once_apply_everything_once() {
    let target = database().await;
    let runners: Vec<_> = (0..8)
        .map(|_| {
            let target = target.clone();
            tokio::spawn(async move { migrate(&target, &MigrationSet::builtin().unwrap()).await.unwrap() })
        })
        .collect();
    let mut reports = vec![];
    for runner in runners {
        reports.push(runner.await.unwrap());
    }
    let total = MigrationSet::builtin().unwrap().len();
    let busy: Vec<_> = reports.iter().filter(|report| !report.applied.is_empty()).collect();
    assert_eq!(busy.len(), 1);
    assert_eq!(busy[0].applied.len(), total);
    assert!(reports.iter().filter(|report| report.applied.is_empty()).all(|report| report.already == total));
}

#[tokio::test(flavor = "multi_thread")]
async fn runners_on_several_databases_share_the_roles_they_make() {
    let server = own_server();
    let mut runners = vec![];
    for i in 0..4 {
        let target = database_on(&server, &format!("uni{i}")).await;
        runners.push(tokio::spawn(async move { migrate(&target, &MigrationSet::builtin().unwrap()).await }));
    }
    for runner in runners {
        assert!(!runner.await.unwrap().unwrap().applied.is_empty());
    }
    let session = session(&server.server().target("postgres")).await;
    let wanted: Vec<&str> = OWNERS.into_iter().chain(POLICY_ROLES).collect();
    let query = "select count(*) from pg_roles where rolname = any ($1) and not rolcanlogin and not rolsuper
        and not rolcreaterole and not rolcreatedb and not rolbypassrls";
    let row = session.query_one(query, &[&wanted]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 11);
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let server = own_server();
    let target = database_on(&server, "uni").await;
    let migrations = MigrationSet::builtin().unwrap();
    let first = migrate(&target, &migrations).await.unwrap();
    assert!(first.prepared.contains(&"schema ops".to_owned()), "{:?}", first.prepared);
    let session = session(&target).await;
    let rows = "select xmin::text || ctid::text from pg_default_acl
        union all select xmin::text || ctid::text from pg_authid
        union all select xmin::text || ctid::text from pg_namespace
        union all select xmin::text || ctid::text from ops.schema_history order by 1";
    let before = strings(&session, rows).await;
    let second = migrate(&target, &migrations).await.unwrap();
    assert_eq!(second, UpReport { prepared: vec![], applied: vec![], already: migrations.len() });
    assert_eq!(strings(&session, rows).await, before);
}

#[tokio::test]
async fn everything_belongs_to_the_owner_its_file_names_and_nothing_is_granted() {
    let target = database().await;
    migrate(&target, &MigrationSet::builtin().unwrap()).await.unwrap();
    let session = session(&target).await;
    let schemas = "select nspname || ' ' || nspowner::regrole from pg_namespace
        where nspname !~ '^pg_' and nspname not in ('information_schema', 'public') order by 1";
    let expected =
        ["analysis analysis_owner", "app app_owner", "etl etl_owner", "ops ops_owner", "qa qa_owner"];
    assert_eq!(strings(&session, schemas).await, expected);
    let others = "select relname::text from pg_class
        where relnamespace = 'app'::regnamespace and relowner <> 'app_owner'::regrole
            or relnamespace = 'ops'::regnamespace and relowner <> 'ops_owner'::regrole";
    assert_eq!(strings(&session, others).await, [""; 0]);
    let granted = "select relname::text from pg_class where relacl is not null
            and relnamespace in ('app'::regnamespace, 'ops'::regnamespace)
        union all select nspname || ' to ' || a.grantee::regrole || ' ' || a.privilege_type
            from pg_namespace, aclexplode(nspacl) as a
            where nspname in ('app', 'analysis', 'qa', 'etl', 'ops') and a.grantee <> nspowner";
    // Names, not rows: so that views can be made.
    assert_eq!(strings(&session, granted).await, ["app to analysis_owner USAGE"]);
    let open =
        "select proname::text from pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) as a
        where pronamespace = 'app'::regnamespace and a.grantee = 0";
    assert_eq!(strings(&session, open).await, [""; 0]);
}

#[tokio::test]
async fn a_failing_file_leaves_nothing_and_says_where() {
    let target = database().await;
    let bad =
        "-- unisys:owner app_owner\ncreate table app.half (id int);\ncreate table app.t (id nonsense);\n";
    let error = migrate(&target, &set(&[FIRST, ("V0002__bad.sql", bad)])).await.unwrap_err();
    assert_eq!(error.to_string(), "could not apply V0002__bad.sql (line 3)");
    let MigrateError::Apply { applied, source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(applied, &["V0001__first.sql"]);
    assert_eq!(source.code(), Some(&SqlState::UNDEFINED_OBJECT));
    let session = session(&target).await;
    assert_eq!(strings(&session, "select name::text from ops.schema_history").await, ["first"]);
    assert_eq!(strings(&session, "select relname::text from pg_class where relname = 'half'").await, [""; 0]);
    // Repaired, it goes on.
    assert_eq!(migrate(&target, &set(&[FIRST, SECOND])).await.unwrap().applied.len(), 1);
}

#[tokio::test]
async fn what_one_file_sets_does_not_reach_the_next_or_the_history() {
    let target = database().await;
    // What is put together at run time is seen by no rule.
    let dumped = "-- unisys:owner login
        do $$ begin execute 'set search_path = pg_catalog; set work_mem = ''77MB''; set role ops_owner'; end $$;\n";
    let look = "-- unisys:owner login
        create table app.seen as select current_user::text as role, current_setting('work_mem') as memory;\n";
    let files = [FIRST, ("V0002__set.sql", dumped), ("V0003__look.sql", look)];
    assert_eq!(migrate(&target, &set(&files)).await.unwrap().applied.len(), 3);
    let session = session(&target).await;
    assert_eq!(strings(&session, "select role || ' ' || memory from app.seen").await, ["postgres 4MB"]);
}

#[tokio::test]
async fn a_name_without_a_schema_is_refused() {
    let target = database().await;
    let loose = ("V0001__loose.sql", "-- unisys:owner login\ncreate table loose (id int);\n");
    let error = migrate(&target, &set(&[loose])).await.unwrap_err();
    let MigrateError::Apply { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.code(), Some(&SqlState::INVALID_SCHEMA_NAME));
}

#[tokio::test]
async fn edited_missing_and_late_files_stop_the_run() {
    let target = database().await;
    migrate(&target, &set(&[FIRST, ("V0003__third.sql", SECOND.1)])).await.unwrap();
    let edited = format!("{}-- a word more\n", FIRST.1);
    let third = ("V0003__third.sql", SECOND.1);
    let text = |result: Result<UpReport, MigrateError>| result.unwrap_err().to_string();
    assert_eq!(
        text(migrate(&target, &set(&[(FIRST.0, &edited), third])).await),
        "V0001__first.sql was changed after it was applied"
    );
    assert_eq!(
        text(migrate(&target, &set(&[FIRST, SECOND, third])).await),
        "V0002__second.sql is not applied, but version 3 is: versions go up"
    );
    assert_eq!(
        text(migrate(&target, &set(&[FIRST])).await),
        "the database has migration 3 (third), which this program does not know"
    );
    let session = session(&target).await;
    session.batch_execute("update ops.schema_history set checksum = 'x' where version = 3").await.unwrap();
    let error = text(migrate(&target, &set(&[FIRST, third])).await);
    assert_eq!(error, "ops.schema_history cannot be trusted: the checksum of version 3 is not a number");
    let report = status(&session, &set(&[FIRST, third])).await.unwrap();
    assert!(!report.is_sound());
    assert_eq!(report.problems, ["the checksum of version 3 is not a number"]);
}

#[tokio::test]
async fn status_needs_no_more_than_reading() {
    let target = database().await;
    let migrations = set(&[FIRST, SECOND]);
    let session = session(&target).await;
    let watcher = format!("{}_watcher", target.database);
    let make = format!("create role {watcher} login; grant pg_read_all_data to {watcher}");
    session.batch_execute(&make).await.unwrap();
    let watcher = Session::open(&target.with_user(watcher)).await.unwrap();
    let before = status(&watcher, &migrations).await.unwrap();
    assert_eq!((before.count(State::Pending), before.database.as_str()), (2, target.database.as_str()));
    migrate(&target, &set(&[FIRST])).await.unwrap();
    let after = status(&watcher, &migrations).await.unwrap();
    assert_eq!((after.count(State::Applied), after.count(State::Pending)), (1, 1));
    assert!(after.is_sound());
    assert_eq!(after.migrations[0].applied_by.as_deref(), Some("postgres"));
    assert!(after.migrations[0].duration_ms.is_some_and(|ms| ms < 60_000));
}

#[tokio::test]
async fn a_login_without_rights_is_told_what_to_run_and_then_succeeds() {
    let server = own_server();
    let target = database_on(&server, "uni").await;
    let session = session(&target).await;
    session.batch_execute("create role deploy login").await.unwrap();
    let deploy = target.with_user("deploy");
    let told = async |migrations: &MigrationSet| {
        let error = migrate(&deploy, migrations).await.unwrap_err();
        assert_eq!(error.to_string(), "deploy may not prepare the database for migrations");
        let MigrateError::NotPermitted { sql, .. } = error else { unreachable!() };
        sql
    };
    let shop = ("V0001__shop.sql", "-- unisys:owner shop_owner\nselect 1;\n");
    let expected = [
        "create role \"shop_owner\" nologin",
        "grant \"shop_owner\" to \"deploy\"",
        "grant create on database \"uni\" to \"deploy\"",
    ];
    // From version 16 on a grant names its options.
    let told_first: Vec<String> = told(&set(&[shop]))
        .await
        .iter()
        .map(|sql| sql.replace(" with inherit false, set true", ""))
        .collect();
    assert_eq!(told_first, expected, "another database needs only what its files name");
    let migrations = MigrationSet::builtin().unwrap();
    let sql = told(&migrations).await;
    assert_eq!(sql.len(), 11 + 5 + 1, "{sql:?}");
    session.batch_execute(&sql.join(";\n")).await.unwrap();
    let report = migrate(&deploy, &migrations).await.unwrap();
    assert_eq!(report.applied.len(), migrations.len());
    let logins = "select distinct applied_by from ops.schema_history";
    assert_eq!(strings(&session, logins).await, ["deploy"]);
}

#[tokio::test]
async fn a_login_that_may_create_roles_needs_no_superuser() {
    let server = own_server();
    let target = database_on(&server, "uni").await;
    let session = session(&target).await;
    session
        .batch_execute("create role deploy login createrole; grant create on database uni to deploy")
        .await
        .unwrap();
    let migrations = MigrationSet::builtin().unwrap();
    let report = migrate(&target.with_user("deploy"), &migrations).await.unwrap();
    assert_eq!(report.applied.len(), migrations.len());
    // From 16 on, a member that may only SET ROLE is refused where it does not.
    let open = "select p.oid::regprocedure::text from pg_proc as p,
            aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where p.pronamespace in ('app'::regnamespace, 'analysis'::regnamespace) and a.grantee = 0";
    assert_eq!(strings(&session, open).await, [""; 0]);
}

#[tokio::test]
async fn a_runner_that_waits_too_long_says_for_whom() {
    let target = database().await;
    let session = session(&target).await;
    session.batch_execute("select pg_advisory_lock(1970170227, 1)").await.unwrap();
    let options = UpOptions { wait: Duration::from_millis(300), ..UpOptions::default() };
    let begun = Instant::now();
    let error = up(&target, &set(&[FIRST]), &options, &|_| {}).await.unwrap_err().to_string();
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert!(error.starts_with("another session is migrating this database (process "), "{error}");
    assert!(error.contains("postgres, unisys-dba, since 2"), "{error}");
    session.batch_execute("select pg_advisory_unlock_all()").await.unwrap();
    up(&target, &set(&[FIRST]), &options, &|_| {}).await.unwrap();
}

#[tokio::test]
async fn a_table_lock_is_not_waited_for_longer_than_asked() {
    let target = database().await;
    migrate(&target, &set(&[FIRST, SECOND])).await.unwrap();
    let reader = session(&target).await;
    reader.batch_execute("begin; lock table app.t in access share mode").await.unwrap();
    let alter = ("V0003__alter.sql", "-- unisys:owner app_owner\nalter table app.t add column x int;\n");
    let options =
        UpOptions { lock_timeout: Duration::from_millis(200), lock_attempts: 1, ..UpOptions::default() };
    let error = up(&target, &set(&[FIRST, SECOND, alter]), &options, &|_| {}).await.unwrap_err();
    let MigrateError::Apply { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.code(), Some(&SqlState::LOCK_NOT_AVAILABLE));
    reader.batch_execute("rollback").await.unwrap();
    assert_eq!(migrate(&target, &set(&[FIRST, SECOND, alter])).await.unwrap().applied.len(), 1);
}

//! Rehearsals: what a migration does to a restored backup, seen before it is done to the database.

use unisys_db::Target;
use unisys_db::migrate::{self, LockMode, MigrationFile, MigrationSet, UpOptions};
use unisys_db::verify::State;
use unisys_ops::rehearsal::{self, Outcome, RehearsalReport};

use crate::support::{Place, execute, value};

const FIRST: (&str, &str) =
    ("V0001__first.sql", "-- unisys:owner login\ncreate schema app authorization app_owner;\n");
const SECOND: (&str, &str) = (
    "V0002__tables.sql",
    "-- unisys:owner app_owner
     create table app.students (id integer primary key, name text);
     create table app.untouched (id integer primary key);\n",
);
const THIRD: (&str, &str) = (
    "V0003__email.sql",
    "-- unisys:owner app_owner
     alter table app.students add column email text;
     update app.students set name = upper(name) where id <= 10;
     create table app.news (id integer primary key);
     insert into app.news select generate_series(1, 5);
     select pg_catalog.pg_sleep(1);\n",
);
const FOURTH: (&str, &str) = (
    "V0004__unique.sql",
    "-- unisys:owner app_owner\nalter table app.students add constraint one_name unique (name);\n",
);

fn set(files: &[(&str, &str)]) -> MigrationSet {
    let files = files.iter().map(|(name, text)| MigrationFile::parse(name, text.as_bytes()).unwrap());
    MigrationSet::new(files.collect()).unwrap()
}

async fn source() -> Target {
    let target = unisys_testkit::database().await;
    migrate::up(&target, &set(&[FIRST, SECOND]), &UpOptions::default(), &|_| {}).await.unwrap();
    let rows = "insert into app.students select g, 'n' || g / 2 from generate_series(1, 5000) g;
                insert into app.untouched select generate_series(1, 100);";
    execute(&target, rows).await;
    target
}

async fn rehearse(place: &Place, source: &Target, files: &[(&str, &str)]) -> RehearsalReport {
    rehearse_as(place, source, files, &source.user).await
}

async fn rehearse_as(place: &Place, source: &Target, files: &[(&str, &str)], login: &str) -> RehearsalReport {
    let id = place.backup(source).await.manifest.id;
    rehearsal::run(&place.store, &id, &place.drill_options(), &set(files), &UpOptions::default(), login)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_reports_time_locks_and_rows_and_touches_nothing() {
    let (place, source) = (Place::new(), source().await);
    let report = rehearse(&place, &source, &[FIRST, SECOND, THIRD]).await;
    assert_eq!((report.outcome, report.already, &report.failure), (Outcome::Rehearsed, 2, &None));
    let [third] = report.migrations.as_slice() else { panic!("{:#?}", report.migrations) };
    assert!(third.duration_ms > 1000, "{third:?}");
    let lock = &third.locks[0];
    assert_eq!((lock.relation.as_str(), lock.mode), ("app.students", LockMode::AccessExclusive));
    assert!(lock.held_ms > 1000 && lock.held_ms <= third.duration_ms, "{lock:?}");
    let mut changed: Vec<(String, State)> =
        report.changes.tables.iter().map(|verdict| (verdict.table.to_string(), verdict.state)).collect();
    changed.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(changed, [("app.news".into(), State::OnlyInB), ("app.students".into(), State::Columns)]);
    assert_eq!(report.changes.rows_after, report.changes.rows_before + 5);
    assert!(report.bytes_after > report.bytes_before);
    assert_eq!(value(&source, "select max(version) from ops.schema_history").await, "2");
    place.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_on_the_real_rows_is_found_before_it_matters() {
    let (place, source) = (Place::new(), source().await);
    let report = rehearse(&place, &source, &[FIRST, SECOND, THIRD, FOURTH]).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.migrations.iter().map(|m| m.version).collect::<Vec<_>>(), [3]);
    assert_eq!(report.failed.as_deref(), Some("V0004__unique.sql"));
    let failure = report.failure.unwrap();
    assert!(failure.starts_with("could not apply V0004__unique.sql"), "{failure}");
    assert!(failure.contains("one_name") && !failure.contains("Key (name)"), "no row is told: {failure}");
    let report = rehearse(&place, &source, &[FIRST, SECOND]).await;
    assert_eq!((report.outcome, report.migrations.len()), (Outcome::NothingPending, 0));
    assert!(report.changes.tables.is_empty(), "{:#?}", report.changes);
    place.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_of_the_login_that_will_apply_them_are_rehearsed() {
    let (place, source) = (Place::new(), source().await);
    let login = format!("{}_deploy", source.database);
    let files =
        [FIRST, SECOND, ("V0003__more.sql", "-- unisys:owner app_owner\ncreate table app.more (id int);\n")];
    let unknown = rehearse_as(&place, &source, &files, &login).await;
    assert_eq!((unknown.outcome, unknown.login.as_str()), (Outcome::Rehearsed, "postgres"));
    assert!(unknown.not_rehearsed[0].starts_with(&format!("the rights of {login}, ")), "{unknown:#?}");

    execute(&source, &format!("create role {login} login")).await;
    let stranger = rehearse_as(&place, &source, &files, &login).await;
    assert_eq!((stranger.outcome, &stranger.login), (Outcome::Failed, &login));
    assert!(stranger.failure.unwrap().contains("permission denied"), "not even the history may be read");

    execute(
        &source,
        &format!("grant usage on schema ops to {login}; grant select on all tables in schema ops to {login}"),
    )
    .await;
    let reader = rehearse_as(&place, &source, &files, &login).await;
    assert_eq!((reader.outcome, reader.failed), (Outcome::Failed, None));
    let owner = value(&source, "select nspowner::regrole from pg_namespace where nspname = 'ops'").await;
    assert!(reader.grants.iter().any(|sql| sql.starts_with("grant \"app_owner\" to")), "{:?}", reader.grants);
    assert!(reader.grants.iter().any(|sql| sql.contains(&owner)), "{:?}", reader.grants);

    execute(&source, &reader.grants.join("; ")).await;
    let member = rehearse_as(&place, &source, &files, &login).await;
    assert_eq!((member.outcome, &member.login, &member.failure), (Outcome::Rehearsed, &login, &None));
    execute(&source, &format!("drop owned by {login}; drop role {login}")).await;
    place.assert_clean();
}

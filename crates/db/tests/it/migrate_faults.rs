//! Migrations in trouble: the pitfalls M1 to M27 of the facts the runner was built from, each with the test that shows it.
//!
//! | | pitfall | test |
//! |---|---|---|
//! | M1 | parallel runners | `migrate::eight_runners_at_once_apply_everything_once` (empty), `eight_runners_on_a_database_in_use…` |
//! | M2 | CREATE INDEX CONCURRENTLY while others wait | `an_index_is_built_concurrently_while_others_wait…` |
//! | M3 | killed at any point | `a_run_that_ends_anywhere_is_taken_up_again`; with kill -9: the program's `migrate` tests |
//! | M4 | COMMIT inside a file | `rules::…what_has_no_place…`, `a_commit_no_rule_sees_is_noticed` |
//! | M5, M6 | search_path, SET leak | `migrate::what_one_file_sets_does_not_reach_the_next_or_the_history` |
//! | M7 | names, versions, BOM, CRLF | `name::…names_are_strict`, `file::…texts_are_strict`, `set::…` |
//! | M8 | edited, renamed, deleted after it was applied | `migrate::edited_missing_and_late_files_stop_the_run`, `files_changed…` |
//! | M9 | out of order from a branch | the same |
//! | M10 | tampered history | `a_tampered_history_stops_everything_and_panics_nowhere` |
//! | M11 | invalid index left behind | `an_invalid_index_is_named_dropped_and_built_anew` |
//! | M12 | lock held by a reader | `a_reader_is_waited_for_and_nobody_queues_for_long`, `who_holds_the_lock_is_named` |
//! | M13 | backup fails | the program's `a_failed_backup_lets_no_migration_begin`, `who_takes_no_backup_says_why…` |
//! | M14, M26 | backup restorable, rollback | the program's `rollback` tests |
//! | M15 | rehearsal leaves no trace | `unisys-ops`' `rehearsal` tests |
//! | M16 | plan with a read-only login, on a standby | `a_plan_needs_no_more_than_reading…`; `unisys-ops`' `standby` tests |
//! | M17 | owner of what is created | `migrate::everything_belongs_to_the_owner…`, `a_plan_tells_who_may_use_what_is_new` |
//! | M18 | GRANT in a migration | `rules::…what_has_no_place…`, `a_broken_rule_stops_everything_before_anything` |
//! | M19 | the login's statement_timeout | `the_logins_own_time_outs_do_not_count` |
//! | M20 | transaction pooler | `a_transaction_pooler_is_refused` |
//! | M21 | enum value used in its own transaction | `what_the_server_forbids_is_rolled_back` |
//! | M22 | half done outside of a transaction | `an_invalid_index…`, `a_run_that_died_after_its_statement_is_recorded` |
//! | M23 | baseline | `a_baseline_records_and_runs_nothing` |
//! | M24 | database newer than the files | `migrate::edited_missing_and_late_files_stop_the_run` |
//! | M25 | history's place, owner, rights | `migrate::everything_belongs…`, `a_foreign_owner_of_ops_keeps_the_history` |
//! | M27 | connection lost at COMMIT | `a_connection_lost_at_commit_is_resolved_by_the_history`, `…that_was_rolled_back_says_so`, `…outside_of_a_transaction…` |

use std::sync::Mutex;
use std::time::Duration;

use tokio_postgres::error::SqlState;
use unisys_db::migrate::{
    Event, LockMode, MigrateError, MigrationFile, MigrationSet, State, UpOptions, UpReport, baseline, plan,
    status, up, verify,
};
use unisys_db::{Session, Target};
use unisys_testkit::{Proxy, SHARED_SETTINGS, database, free_port};

use crate::support::{database_on, own_server, session, strings};

const FIRST: (&str, &str) =
    ("V0001__first.sql", "-- unisys:owner login\ncreate schema app authorization app_owner;\n");
const TABLE: (&str, &str) = (
    "V0002__table.sql",
    "-- unisys:owner app_owner\ncreate table app.t as select i as id from generate_series(1, 1000) as i;\n",
);
const ALTER: (&str, &str) =
    ("V0003__alter.sql", "-- unisys:owner app_owner\nalter table app.t add column x int;\n");
const INDEX: (&str, &str) = (
    "V0003__index.sql",
    "-- unisys:owner app_owner\n-- unisys:no-transaction\n\
     create unique index concurrently t_key on app.t (id);\n",
);

fn file(name: &str, text: &str) -> MigrationFile {
    MigrationFile::parse(name, text.as_bytes()).unwrap()
}

fn set(files: &[(&str, &str)]) -> MigrationSet {
    let mut migrations: Vec<MigrationFile> = Vec::new();
    for (name, text) in files {
        match name.matches('.').count() {
            1 => migrations.push(file(name, text)),
            _ => migrations.last_mut().unwrap().add_script(name, text.as_bytes()).unwrap(),
        }
    }
    MigrationSet::new(migrations).unwrap()
}

async fn migrate(target: &Target, files: &[(&str, &str)]) -> Result<UpReport, MigrateError> {
    up(target, &set(files), &quick(), &|_| {}).await
}

/// Does not wait long for anything.
fn quick() -> UpOptions {
    UpOptions {
        lock_timeout: Duration::from_millis(100),
        pause: Duration::from_millis(50),
        lock_attempts: 2,
        ..UpOptions::default()
    }
}

/// Waits until a query's first value is true.
async fn until(session: &Session, condition: &str) {
    let begun = std::time::Instant::now();
    while !session.query_one(condition, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(begun.elapsed() < Duration::from_secs(60), "in vain: {condition}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether a session of this database runs a statement like this.
fn running(like: &str) -> String {
    format!(
        "select exists (select from pg_stat_activity where datname = current_database()
            and pid <> pg_backend_pid() and state = 'active' and query like '%{like}%')"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_runners_on_a_database_in_use_apply_what_is_pending_once() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE]).await.unwrap();
    let files = [
        FIRST,
        TABLE,
        ALTER,
        ("V0004__more.sql", "-- unisys:owner app_owner\nalter table app.t add y int;\n"),
    ];
    let runners: Vec<_> = (0..8)
        .map(|_| {
            let target = target.clone();
            tokio::spawn(async move { migrate(&target, &files).await.unwrap() })
        })
        .collect();
    let mut applied = vec![];
    for runner in runners {
        applied.push(runner.await.unwrap().applied.len());
    }
    applied.sort_unstable();
    assert_eq!(applied, [0, 0, 0, 0, 0, 0, 0, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_built_concurrently_while_others_wait_for_the_lock() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE]).await.unwrap();
    let old = session(&target).await;
    // An older transaction keeps the build waiting until the other runners are there.
    old.batch_execute("begin isolation level repeatable read; select 1 from app.t").await.unwrap();
    let runner = |target: Target| tokio::spawn(async move { migrate(&target, &[FIRST, TABLE, INDEX]).await });
    let builder = runner(target.clone());
    let watcher = session(&target).await;
    until(&watcher, &running("create unique index concurrently")).await;
    let waiting = [runner(target.clone()), runner(target.clone())];
    until(
        &watcher,
        "select count(*) >= 2 from pg_stat_activity where datname = current_database()
            and pid <> pg_backend_pid() and query like '%pg_try_advisory_lock%'",
    )
    .await;
    old.batch_execute("rollback").await.unwrap();
    assert_eq!(builder.await.unwrap().unwrap().applied.len(), 1, "no deadlock");
    for runner in waiting {
        assert_eq!(runner.await.unwrap().unwrap().applied.len(), 0);
    }
}

/// What a runner does is stopped, as a killed one is, while a statement of it is running: in a transaction, outside of one, in a
/// verify script. The next run goes on from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ends_anywhere_is_taken_up_again() {
    let target = database().await;
    let gate = "(select pg_advisory_lock(4711))";
    let files = [
        FIRST.0.to_owned(),
        FIRST.1.to_owned(),
        "V0002__inside.sql".into(),
        format!(
            "-- unisys:owner app_owner\ncreate table app.inside (id int);\nselect {gate}; /* gate 1 */\n"
        ),
        "V0003__outside.sql".into(),
        format!("-- unisys:owner app_owner\n-- unisys:no-transaction\nselect {gate}; /* gate 2 */\n"),
        "V0004__verified.sql".into(),
        "-- unisys:owner app_owner\ncreate table app.verified (id int);\n".into(),
        "V0004__verified.verify.sql".into(),
        "select 1 from (select pg_advisory_lock(4711)::text as got) as g where got = 'no'; /* gate 3 */\n"
            .into(),
    ];
    let pairs: Vec<(&str, &str)> = files.chunks(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
    let migrations = set(&pairs);
    let keeper = session(&target).await;
    keeper.batch_execute("select pg_advisory_lock(4711)").await.unwrap();
    let watcher = session(&target).await;
    for (gate, applied) in [(1, 1), (2, 2), (3, 3)] {
        let (aim, files) = (target.clone(), migrations.clone());
        let run = tokio::spawn(async move { up(&aim, &files, &quick(), &|_| {}).await });
        until(&watcher, &running(&format!("/* gate {gate} */"))).await;
        run.abort();
        assert!(run.await.unwrap_err().is_cancelled());
        // The server learns of it when it next writes to the connection; a killed client's is ended by TCP the same way.
        watcher
            .batch_execute(&format!(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and query like '%/* gate {gate} */%' and pid <> pg_backend_pid()"
            ))
            .await
            .unwrap();
        let report = status(&watcher, &migrations).await.unwrap();
        assert_eq!((report.count(State::Applied), report.is_sound()), (applied, true), "gate {gate}");
        assert_eq!(report.count(State::Interrupted), usize::from(gate == 2), "gate {gate}");
        let tables = "select relname::text from pg_class where relnamespace = 'app'::regnamespace order by 1";
        let expected: &[&str] = if gate == 1 { &[] } else { &["inside"] };
        assert_eq!(strings(&watcher, tables).await, expected, "gate {gate}");
        // The next round gets past this gate and stops at the next one.
        keeper.batch_execute("select pg_advisory_unlock_all()").await.unwrap();
        let past = set(&pairs[..=gate]);
        up(&target, &past, &quick(), &|_| {}).await.unwrap_or_else(|error| panic!("gate {gate}: {error}"));
        keeper.batch_execute("select pg_advisory_lock(4711)").await.unwrap();
    }
    keeper.batch_execute("select pg_advisory_unlock_all()").await.unwrap();
    let rest = up(&target, &migrations, &quick(), &|_| {}).await.unwrap();
    assert_eq!(rest.already + rest.applied.len(), 4);
}

#[tokio::test]
async fn a_commit_no_rule_sees_is_noticed() {
    let target = database().await;
    let session = session(&target).await;
    let off = format!("alter database {} set standard_conforming_strings = off", target.database);
    session.batch_execute(&off).await.unwrap();
    // By the standard's rules this is one string and a comment; by the old ones it is three statements.
    let text = "-- unisys:owner login\ncreate table app.half ();\nselect 'a\\''; commit; select '--';\n";
    assert_eq!(file("V0002__x.sql", text).check(), []);
    let error = migrate(&target, &[FIRST, ("V0002__x.sql", text)]).await.unwrap_err();
    assert!(matches!(&error, MigrateError::Left { file } if file == "V0002__x.sql"), "{error:?}");
    assert_eq!(strings(&session, "select name::text from ops.schema_history").await, ["first"]);
    let logged = "select outcome from ops.migration_log where version = 2";
    assert_eq!(strings(&session, logged).await, ["failed"]);
}

#[tokio::test]
async fn files_changed_after_they_were_applied_are_told_apart() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE]).await.unwrap();
    let session = session(&target).await;
    let spaced = format!("{}\n", TABLE.1);
    let states = async |files: &[(&str, &str)]| {
        let report = verify(&session, &set(files), false).await.unwrap();
        report.status.migrations.iter().map(|entry| entry.state).collect::<Vec<_>>()
    };
    use State::{Applied, Edited, Unknown};
    assert_eq!(states(&[FIRST, TABLE]).await, [Applied, Applied]);
    assert_eq!(states(&[FIRST, (TABLE.0, &spaced)]).await, [Applied, Edited]);
    assert_eq!(states(&[FIRST, ("V0002__renamed.sql", TABLE.1)]).await, [Applied, Edited]);
    assert_eq!(states(&[FIRST]).await, [Applied, Unknown]);
    let late = plan(&session, &set(&[FIRST])).await.unwrap_err();
    assert!(matches!(late, MigrateError::Unknown { version: 2, .. }), "{late:?}");
}

#[tokio::test]
async fn a_tampered_history_stops_everything_and_panics_nowhere() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE]).await.unwrap();
    let session = session(&target).await;
    let harmless = ["applied_on = 'yesterday'", "applied_by = ''", "duration_ms = -1"];
    for change in harmless {
        session
            .batch_execute(&format!("update ops.schema_history set {change} where version = 2"))
            .await
            .unwrap();
        assert_eq!(migrate(&target, &[FIRST, TABLE]).await.unwrap().already, 2, "{change}");
    }
    session.batch_execute("alter table ops.schema_history add extra int default 1").await.unwrap();
    assert_eq!(migrate(&target, &[FIRST, TABLE]).await.unwrap().already, 2);
    let harmful = ["checksum = 'x'", "checksum = '-1'", "checksum = ''", "name = 'other'", "version = -2"];
    for change in harmful {
        let sql = format!("begin; update ops.schema_history set {change} where version = 2; commit");
        session.batch_execute(&sql).await.unwrap();
        let error = migrate(&target, &[FIRST, TABLE, ALTER]).await.unwrap_err();
        let known = matches!(
            error,
            MigrateError::History { .. } | MigrateError::Edited { .. } | MigrateError::Unknown { .. }
        );
        assert!(known, "{change}: {error:?}");
        assert!(!status(&session, &set(&[FIRST, TABLE, ALTER])).await.unwrap().is_sound(), "{change}");
        let good = format!("version = 2, name = 'table', checksum = '{}'", file(TABLE.0, TABLE.1).checksum());
        let back = format!("update ops.schema_history set {good} where version <> 1");
        session.batch_execute(&back).await.unwrap();
    }
    session
        .batch_execute(
            "alter table ops.schema_history drop constraint schema_history_pkey;
             alter table ops.schema_history alter name drop not null, alter checksum drop not null;
             insert into ops.schema_history (version, name, applied_on, checksum) values (2, null, '', null)",
        )
        .await
        .unwrap();
    let error = migrate(&target, &[FIRST, TABLE]).await.unwrap_err();
    assert!(matches!(error, MigrateError::History { .. }), "{error:?}");
}

#[tokio::test]
async fn an_invalid_index_is_named_dropped_and_built_anew() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE]).await.unwrap();
    let session = session(&target).await;
    session.batch_execute("insert into app.t values (7)").await.unwrap();
    let error = migrate(&target, &[FIRST, TABLE, INDEX]).await.unwrap_err();
    let MigrateError::HalfDone { invalid, source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(
        (invalid.as_slice(), source.code()),
        (&["app.t_key".to_owned()][..], Some(&SqlState::UNIQUE_VIOLATION))
    );
    let report = status(&session, &set(&[FIRST, TABLE, INDEX])).await.unwrap();
    assert_eq!((report.migrations[2].state, report.pending()), (State::Interrupted, 1));
    assert_eq!(
        strings(&session, "select outcome from ops.migration_log where version = 3").await,
        ["failed"]
    );
    session
        .batch_execute("delete from app.t where ctid = (select max(ctid) from app.t where id = 7)")
        .await
        .unwrap();
    let dropped = Mutex::new(vec![]);
    let tell = |event: &Event<'_>| {
        if let Event::DroppedInvalid { index, .. } = event {
            dropped.lock().unwrap().push((*index).to_owned());
        }
    };
    let report = up(&target, &set(&[FIRST, TABLE, INDEX]), &quick(), &tell).await.unwrap();
    assert_eq!(
        (report.applied.len(), dropped.into_inner().unwrap()),
        (1, vec!["\"app\".\"t_key\"".to_owned()])
    );
    let valid =
        "select indisvalid::text || ' ' || relowner::regrole from pg_index join pg_class on oid = indexrelid
        where indexrelid = 'app.t_key'::regclass";
    assert_eq!(strings(&session, valid).await, ["true app_owner"]);
}

#[tokio::test]
async fn a_run_that_died_after_its_statement_is_recorded() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE]).await.unwrap();
    let session = session(&target).await;
    // As a run leaves it that was killed between the end of the statement and the history.
    session
        .batch_execute(
            "insert into ops.migration_log (version, name, action, outcome, tool)
                values (3, 'index', 'apply', 'started', 'test');
             create unique index t_key on app.t (id)",
        )
        .await
        .unwrap();
    assert_eq!(migrate(&target, &[FIRST, TABLE, INDEX]).await.unwrap().applied.len(), 1);
    let outcomes = "select outcome from ops.migration_log where version = 3 order by id";
    assert_eq!(strings(&session, outcomes).await, ["started", "done"]);
    // An index nobody began is somebody else's.
    let other = (
        "V0004__other.sql",
        "-- unisys:owner app_owner\n-- unisys:no-transaction\ncreate index concurrently other on app.t (id);\n",
    );
    session.batch_execute("create index other on app.t (id)").await.unwrap();
    let error = migrate(&target, &[FIRST, TABLE, INDEX, other]).await.unwrap_err();
    let MigrateError::HalfDone { source, invalid, .. } = &error else { panic!("{error:?}") };
    assert_eq!((source.code(), invalid.len()), (Some(&SqlState::DUPLICATE_TABLE), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_waited_for_and_nobody_queues_for_long() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE]).await.unwrap();
    let reader = session(&target).await;
    reader.batch_execute("begin; lock table app.t in access share mode").await.unwrap();
    let heard = std::sync::Arc::new(tokio::sync::Notify::new());
    let (aim, told) = (target.clone(), heard.clone());
    let run = tokio::spawn(async move {
        let options = UpOptions { lock_attempts: 1000, trace_locks: true, ..quick() };
        let tell = |event: &Event<'_>| {
            if let Event::Waiting { holders, .. } = event {
                told.notify_one();
                let reader = |h: &String| h.contains("postgres, unisys-dba, idle in transaction");
                assert!(holders.iter().any(reader), "{holders:?}");
            }
        };
        up(&aim, &set(&[FIRST, TABLE, ALTER]), &options, &tell).await
    });
    heard.notified().await;
    // Between two attempts the queue goes on.
    session(&target).await.batch_execute("select count(*) from app.t").await.unwrap();
    reader.batch_execute("rollback").await.unwrap();
    let report = run.await.unwrap().unwrap();
    assert!(report.applied[0].attempts > 1);
    let locks: Vec<_> = report.applied[0].locks.iter().map(|l| (l.relation.as_str(), l.mode)).collect();
    assert_eq!(locks, [("app.t", LockMode::AccessExclusive)]);
    let logged = "select (attempts > 1)::text || outcome from ops.migration_log where version = 3";
    assert_eq!(strings(&reader, logged).await, ["truedone"]);
}

#[tokio::test]
async fn who_holds_the_lock_is_named_and_nothing_is_left() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE]).await.unwrap();
    let reader = session(&target).await;
    reader.batch_execute("begin; lock table app.t in access share mode").await.unwrap();
    let error = migrate(&target, &[FIRST, TABLE, ALTER]).await.unwrap_err();
    let MigrateError::Apply { source, holders, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.code(), Some(&SqlState::LOCK_NOT_AVAILABLE));
    assert!(holders[0].starts_with("process ") && holders.len() == 1, "{holders:?}");
    reader.batch_execute("rollback").await.unwrap();
    let logged =
        "select format('%s %s %s', outcome, attempts, error) from ops.migration_log where version = 3";
    let logged = strings(&reader, logged).await;
    assert!(
        logged.len() == 1 && logged[0].starts_with("failed 2 could not apply V0003__alter.sql"),
        "{logged:?}"
    );
}

#[tokio::test]
async fn a_plan_needs_no_more_than_reading_and_waits_for_nobody() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE]).await.unwrap();
    let owner = session(&target).await;
    let watcher = format!("{}_planner", target.database);
    let make = format!(
        "create role {watcher} login; grant usage on schema ops to {watcher};
         grant select on ops.schema_history to {watcher}; alter role {watcher} set default_transaction_read_only = on;
         analyze app.t"
    );
    owner.batch_execute(&make).await.unwrap();
    owner.batch_execute("begin; lock table app.t in access exclusive mode").await.unwrap();
    let watcher = Session::open(&target.with_user(watcher)).await.unwrap();
    let index = ("V0004__index.sql", "-- unisys:owner app_owner\ncreate index i on app.t (x);\n");
    let made = ("V0005__made.sql", "-- unisys:owner app_owner\ncreate table app.u (id int primary key);\n");
    let later = ("V0006__later.sql", "-- unisys:owner app_owner\nalter table app.u add y int;\n");
    let files = set(&[FIRST, TABLE, ALTER, index, made, later]);
    let report = plan(&watcher, &files).await.unwrap();
    assert_eq!((report.applied, report.pending.len()), (2, 4));
    let lock = &report.pending[0].locks[0];
    assert_eq!((lock.relation.as_str(), lock.mode, lock.line), ("app.t", LockMode::AccessExclusive, 2));
    assert_eq!(
        (lock.rows, lock.bytes),
        (Some(1000), None),
        "its size is not asked for while somebody has it"
    );
    assert_eq!(report.pending[1].findings[0].rule, "require-concurrent-index-creation");
    assert_eq!(report.pending[1].findings[0].rows, Some(1000));
    assert_eq!(report.pending[3].locks, [], "nobody waits for what an earlier file makes");
    owner.batch_execute("rollback").await.unwrap();
    let again = plan(&watcher, &files).await.unwrap();
    assert!(again.pending[0].locks[0].bytes.is_some_and(|bytes| bytes >= 8192));
    assert_eq!(strings(&owner, "select name::text from ops.schema_history").await, ["first", "table"]);
}

#[tokio::test]
async fn a_plan_tells_who_may_use_what_is_new() {
    let server = own_server();
    let target = database_on(&server, "shop").await;
    let session = session(&target).await;
    session
        .batch_execute(
            "create role shop_owner; create role reader; create role auditor; create schema shop authorization shop_owner;
             alter default privileges for role shop_owner grant select on tables to auditor;
             alter default privileges for role shop_owner in schema shop grant select, insert on tables to reader;
             alter default privileges for role shop_owner revoke execute on functions from public;",
        )
        .await
        .unwrap();
    let files = set(&[(
        "V0001__new.sql",
        "-- unisys:owner shop_owner\ncreate table shop.t (id int);\ncreate function shop.f() returns int language sql as 'select 1';
create type shop.e as enum ('a');\n",
    )]);
    let report = plan(&session, &files).await.unwrap();
    let said: Vec<String> = report.pending[0]
        .creates
        .iter()
        .map(|c| {
            let others = c.privileges.iter().map(|p| format!("{} {}", p.grantee, p.privileges));
            format!("{} {} {}: {}", c.kind, c.name, c.owner, others.collect::<Vec<_>>().join("; "))
        })
        .collect();
    let expected = [
        "table shop.t shop_owner: auditor SELECT; reader INSERT, SELECT",
        "function shop.f shop_owner: ",
        "type shop.e shop_owner: PUBLIC USAGE",
    ];
    assert_eq!(said, expected);
    // and so it comes
    up(&target, &files, &quick(), &|_| {}).await.unwrap();
    let acl = "select relacl::text from pg_class where oid = 'shop.t'::regclass";
    let acl = strings(&session, acl).await.concat();
    assert!(acl.contains("auditor=r/") && acl.contains("reader=ar/"), "{acl}");
}

#[tokio::test]
async fn a_broken_rule_stops_everything_before_anything() {
    let target = database().await;
    let grant =
        ("V0002__grant.sql", "-- unisys:owner app_owner\ngrant usage on schema app to public;\ncommit;\n");
    let error = migrate(&target, &[FIRST, grant]).await.unwrap_err();
    let MigrateError::Rules(broken) = &error else { panic!("{error:?}") };
    assert_eq!(broken.iter().map(|b| b.line).collect::<Vec<_>>(), [2, 3]);
    let expected =
        "V0002__grant.sql, line 2: GRANT belongs to the privilege policy, not to a migration; and 1 more";
    assert_eq!(error.to_string(), expected);
    let session = session(&target).await;
    let ops = "select nspname::text from pg_namespace where nspname in ('ops', 'app')";
    assert_eq!(strings(&session, ops).await, [""; 0]);
    assert_eq!(plan(&session, &set(&[FIRST, grant])).await.unwrap().pending[1].broken, *broken);
}

#[tokio::test]
async fn the_logins_own_time_outs_do_not_count() {
    let server = own_server();
    let target = database_on(&server, "uni").await;
    session(&target)
        .await
        .batch_execute(
            "create role hasty login superuser; alter role hasty set statement_timeout = '50ms';
             alter role hasty set idle_in_transaction_session_timeout = '10ms'; alter role hasty set lock_timeout = '1ms'",
        )
        .await
        .unwrap();
    let slow = ("V0002__slow.sql", "-- unisys:owner app_owner\nselect pg_sleep(0.3);\n");
    let alone =
        ("V0003__alone.sql", "-- unisys:owner app_owner\n-- unisys:no-transaction\nselect pg_sleep(0.3);\n");
    let report = migrate(&target.with_user("hasty"), &[FIRST, slow, alone]).await.unwrap();
    assert_eq!(report.applied.len(), 3);
}

#[tokio::test]
async fn what_the_server_forbids_is_rolled_back() {
    let target = database().await;
    let kind = ("V0002__kind.sql", "-- unisys:owner app_owner\ncreate type app.kind as enum ('a');\n");
    let add = (
        "V0003__add.sql",
        "-- unisys:owner app_owner\nalter type app.kind add value 'b';\nselect 'b'::app.kind;\n",
    );
    let error = migrate(&target, &[FIRST, kind, add]).await.unwrap_err();
    let MigrateError::Apply { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.code(), Some(&SqlState::UNSAFE_NEW_ENUM_VALUE_USAGE));
    let session = session(&target).await;
    assert_eq!(
        strings(&session, "select enumlabel::text from pg_enum where enumtypid = 'app.kind'::regtype").await,
        ["a"]
    );
}

#[tokio::test]
async fn a_verify_script_sees_the_migration_and_can_stop_it_and_changes_nothing() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE]).await.unwrap();
    let session = session(&target).await;
    let run = async |verify: &str| {
        migrate(&target, &[FIRST, TABLE, ALTER, ("V0003__alter.verify.sql", verify)]).await
    };
    let found =
        run("select 1 where false;\nselect id, x from app.t where id < 8 order by id;\n").await.unwrap_err();
    let MigrateError::Unverified { line, rows, script, .. } = &found else { panic!("{found:?}") };
    assert_eq!((*line, script.as_str(), rows.len()), (2, "V0003__alter.verify.sql", 6));
    assert_eq!((rows[0].as_str(), rows[5].as_str()), ("id = 1, x = null", "and 2 more"));
    let writes = run("do $$ begin delete from app.t where id = 1; end $$;\n").await.unwrap_err();
    let MigrateError::Apply { source, file, .. } = &writes else { panic!("{writes:?}") };
    assert_eq!(
        (source.code(), file.as_str()),
        (Some(&SqlState::READ_ONLY_SQL_TRANSACTION), "V0003__alter.verify.sql")
    );
    let raises = run("select 1 where false;\ndo $$ begin raise 'no'; end $$;\n").await.unwrap_err();
    assert!(matches!(raises, MigrateError::Apply { .. }), "{raises:?}");
    let columns = "select attname::text from pg_attribute where attrelid = 'app.t'::regclass and attnum > 0";
    assert_eq!(strings(&session, columns).await, ["id"]);
    run("select 1 where not exists (select x from app.t);\n").await.unwrap();
    assert_eq!(strings(&session, columns).await, ["id", "x"]);

    let scripts =
        [FIRST, TABLE, ALTER, ("V0003__alter.verify.sql", "select id from app.t where id > 999;\n")];
    let report = verify(&session, &set(&scripts), true).await.unwrap();
    assert!(report.status.is_sound() && !report.is_sound());
    assert_eq!(
        (report.scripts[0].line, report.scripts[0].rows.as_slice()),
        (Some(1), &["id = 1000".to_owned()][..])
    );
}

#[tokio::test]
async fn a_baseline_records_and_runs_nothing() {
    let target = database().await;
    let session = session(&target).await;
    session.batch_execute("create schema app; create table app.t (id int)").await.unwrap();
    let files = set(&[FIRST, TABLE, ALTER]);
    let none = baseline(&target, &files, 4, &quick()).await.unwrap_err();
    assert_eq!(none.to_string(), "there is no migration of version 4");
    let report = baseline(&target, &files, 2, &quick()).await.unwrap();
    assert_eq!(report.recorded, ["V0001__first.sql", "V0002__table.sql"]);
    let now = status(&session, &files).await.unwrap();
    assert_eq!((now.count(State::Applied), now.pending(), now.is_sound()), (2, 1, true));
    let logged = "select action || version from ops.migration_log order by id";
    assert_eq!(strings(&session, logged).await, ["baseline1", "baseline2"]);
    let again = baseline(&target, &files, 2, &quick()).await.unwrap_err();
    assert_eq!(again.to_string(), "the database has a history: 2 migrations, the last is version 2");
    session
        .batch_execute("alter table app.t owner to app_owner; alter schema app owner to app_owner")
        .await
        .unwrap();
    assert_eq!(up(&target, &files, &quick(), &|_| {}).await.unwrap().applied.len(), 1);
}

#[tokio::test]
async fn a_foreign_owner_of_ops_keeps_the_history() {
    let server = own_server();
    let target = database_on(&server, "shop").await;
    let session = session(&target).await;
    session
        .batch_execute(
            "create role ops_people; create role deploy login; create schema ops authorization ops_people",
        )
        .await
        .unwrap();
    let files = [("V0001__one.sql", "-- unisys:owner shop_owner\nselect 1;\n")];
    let deploy = target.with_user("deploy");
    let error = migrate(&deploy, &files).await.unwrap_err();
    let MigrateError::NotPermitted { sql, .. } = &error else { panic!("{error:?}") };
    assert!(sql.iter().any(|sql| sql.starts_with("grant \"ops_people\" to \"deploy\"")), "{sql:?}");
    session.batch_execute(&sql.join(";\n")).await.unwrap();
    migrate(&deploy, &files).await.unwrap();
    let owners = "select relname || ' ' || relowner::regrole from pg_class
        where relnamespace = 'ops'::regnamespace and relkind = 'r' order by 1";
    assert_eq!(strings(&session, owners).await, ["migration_log ops_people", "schema_history ops_people"]);
    let roles = "select rolname::text from pg_roles where rolname in ('app_owner', 'd_analyst', 'ops_owner', 'shop_owner')";
    assert_eq!(strings(&session, roles).await, ["shop_owner"]);
}

/// A server whose transactions are committed only once a standby has them, where they ask for that; there is none.
fn waiting_server() -> unisys_ops::server::Scratch {
    let settings = [("synchronous_standby_names", "nobody"), ("synchronous_commit", "local")];
    unisys_testkit::own_server(free_port(), &[SHARED_SETTINGS, &settings].concat()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_at_commit_is_resolved_by_the_history() {
    let server = waiting_server();
    let target = database_on(&server, "uni").await;
    let proxy = Proxy::before(&target);
    let files = [
        FIRST,
        (
            "V0002__table.sql",
            "-- unisys:owner app_owner\nset local synchronous_commit = on;\ncreate table app.t (id int);\n",
        ),
        ("V0003__after.sql", "-- unisys:owner app_owner\nalter table app.t add x int;\n"),
    ];
    let through = proxy.target();
    let run = tokio::spawn(async move {
        let resolved = Mutex::new(vec![]);
        let tell = |event: &Event<'_>| {
            if let Event::Resolved { file, applied } = event {
                resolved.lock().unwrap().push((file.version(), *applied));
            }
        };
        let report = up(&through, &set(&files), &quick(), &tell).await;
        (report, resolved.into_inner().unwrap())
    });
    let watcher = session(&target).await;
    until(&watcher, "select exists (select from pg_stat_activity where wait_event = 'SyncRep')").await;
    proxy.cut_all();
    watcher.batch_execute("alter system set synchronous_standby_names = ''").await.unwrap();
    watcher.batch_execute("select pg_reload_conf()").await.unwrap();
    let (report, resolved) = run.await.unwrap();
    let report = report.unwrap();
    assert_eq!(resolved, [(2, true)]);
    assert_eq!(report.applied.iter().map(|a| a.resolved).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(
        strings(&watcher, "select name::text from ops.schema_history order by version").await,
        ["first", "table", "after"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_at_a_commit_that_was_rolled_back_says_so() {
    let server = own_server();
    let target = database_on(&server, "uni").await;
    // The constraint is checked at COMMIT and waits there.
    let slow = "-- unisys:owner app_owner
create table app.t (id int);
create function app.slow() returns trigger language plpgsql as $$ begin perform pg_advisory_lock(4712); return null; end $$;
create constraint trigger slow after insert on app.t deferrable initially deferred for each row execute function app.slow();
insert into app.t values (1);\n";
    let files = [FIRST, ("V0002__slow.sql", slow)];
    let gate = session(&target).await;
    gate.batch_execute("select pg_advisory_lock(4712)").await.unwrap();
    let aim = target.clone();
    let run = tokio::spawn(async move { migrate(&aim, &files).await });
    until(&gate, &running("commit")).await;
    let end =
        "select pg_terminate_backend(pid) from pg_stat_activity where query = 'commit' and state = 'active'";
    gate.batch_execute(end).await.unwrap();
    let error = run.await.unwrap().unwrap_err();
    assert!(matches!(&error, MigrateError::Lost { file, .. } if file == "V0002__slow.sql"), "{error:?}");
    gate.batch_execute("select pg_advisory_unlock_all()").await.unwrap();
    assert_eq!(strings(&gate, "select name::text from ops.schema_history").await, ["first"]);
    assert_eq!(migrate(&target, &files).await.unwrap().applied.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_outside_of_a_transaction_is_settled_by_the_next_run() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE]).await.unwrap();
    let old = session(&target).await;
    old.batch_execute("begin isolation level repeatable read; select 1 from app.t").await.unwrap();
    let proxy = Proxy::before(&target);
    let through = proxy.target();
    let run = tokio::spawn(async move { migrate(&through, &[FIRST, TABLE, INDEX]).await });
    let watcher = session(&target).await;
    until(&watcher, &running("create unique index concurrently")).await;
    proxy.cut_all();
    let error = run.await.unwrap().unwrap_err();
    assert!(matches!(&error, MigrateError::Unresolved { file, .. } if file == INDEX.0), "{error:?}");
    let files = set(&[FIRST, TABLE, INDEX]);
    assert_eq!(status(&watcher, &files).await.unwrap().migrations[2].state, State::Interrupted);
    // The server notices and stops, or builds on and holds the lock until it is done; the next run waits for it, and finds the
    // index, or drops what is left of it.
    old.batch_execute("rollback").await.unwrap();
    let report = up(&target, &files, &quick(), &|_| {}).await.unwrap();
    assert_eq!(report.applied.len(), 1);
    let valid = "select indisvalid::text from pg_index where indexrelid = 'app.t_key'::regclass";
    assert_eq!(strings(&watcher, valid).await, ["true"]);
    assert!(status(&watcher, &files).await.unwrap().pending() == 0);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_pooler_is_refused() {
    let target = database().await;
    let pooler = unisys_testkit::Pooler::before(&target).await;
    let through = Session::open(&pooler.target()).await.unwrap();
    assert_eq!(strings(&through, "select 'through'").await, ["through"]);
    let error = migrate(&pooler.target(), &[FIRST]).await.unwrap_err();
    assert!(matches!(error, MigrateError::Pooler(_)), "{error:?}");
    let error = baseline(&pooler.target(), &set(&[FIRST]), 1, &quick()).await.unwrap_err();
    assert!(matches!(error, MigrateError::Pooler(_)), "{error:?}");
    let schemas = "select nspname::text from pg_namespace where nspname in ('ops', 'app')";
    assert_eq!(strings(&session(&target).await, schemas).await, [""; 0]);
}

#[tokio::test]
async fn the_log_says_who_with_what_from_where_after_which_backup() {
    let target = database().await;
    let options = UpOptions {
        tool: "a test 1.2.3".into(),
        host: "there".into(),
        backup_id: Some("unisys_20261121T020000Z_7f3a".into()),
        ..quick()
    };
    up(&target, &set(&[FIRST]), &options, &|_| {}).await.unwrap();
    let session = session(&target).await;
    let row = "select concat_ws(' ', version, name, action, outcome, login, host, tool, backup_id, attempts,
        (duration_ms between 0 and 60000), (now() - started_at < interval '10 min')) from ops.migration_log";
    let expected = "1 first apply done postgres there a test 1.2.3 unisys_20261121T020000Z_7f3a 1 t t";
    assert_eq!(strings(&session, row).await, [expected]);
}

#[tokio::test]
async fn locks_are_traced_with_their_mode_and_time() {
    let target = database().await;
    let tables = "-- unisys:owner app_owner\ncreate table app.a (id int primary key);\ncreate table app.b (id int);\ncreate table app.c (id int);\n";
    migrate(&target, &[FIRST, ("V0002__tables.sql", tables)]).await.unwrap();
    let change = "-- unisys:owner app_owner
alter table app.b add constraint k foreign key (id) references app.a (id);
select pg_sleep(0.2);
alter table app.b add x int;
-- unisys:destructive nobody needs it
drop table app.c;
create table app.d (id int);\n";
    let options = UpOptions { trace_locks: true, ..quick() };
    let files = set(&[FIRST, ("V0002__tables.sql", tables), ("V0003__change.sql", change)]);
    let report = up(&target, &files, &options, &|_| {}).await.unwrap();
    let locks = &report.applied[0].locks;
    let found: Vec<_> = locks.iter().map(|lock| (lock.relation.as_str(), lock.mode)).collect();
    use LockMode::{AccessExclusive, ShareRowExclusive};
    let expected = [("app.b", AccessExclusive), ("app.c", AccessExclusive), ("app.a", ShareRowExclusive)];
    assert_eq!(found, expected, "a table the migration makes is nobody else's");
    assert!(locks[2].held_ms >= 200, "held since before the pause: {locks:?}");
    assert!(
        locks[2].held_ms >= locks[0].held_ms,
        "the stronger lock counts from when it was taken: {locks:?}"
    );
}

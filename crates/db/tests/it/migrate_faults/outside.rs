//! Migrations outside of a transaction: what they leave, and who takes it up.

use std::sync::Mutex;

use tokio_postgres::error::SqlState;
use unisys_db::migrate::{Event, MigrateError, State, status, up};
use unisys_testkit::{Proxy, database};

use super::{FIRST, INDEX, TABLE, migrate, quick, running, set, until};
use crate::support::{session, strings};

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

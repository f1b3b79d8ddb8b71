//! Locks that others hold, and how long a migration holds its own.

use tokio_postgres::error::SqlState;
use unisys_db::migrate::{Event, LockMode, MigrateError, UpOptions, up};
use unisys_testkit::database;

use super::{ALTER, FIRST, TABLE, migrate, quick, set};
use crate::support::{database_on, own_server, session, strings};

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

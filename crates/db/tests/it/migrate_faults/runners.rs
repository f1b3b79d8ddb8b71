//! Several runners, runners that end, and a pooler between.

use unisys_db::migrate::{MigrateError, State, baseline, status, up};
use unisys_db::{Session, Target};
use unisys_testkit::database;

use super::{ALTER, FIRST, INDEX, TABLE, migrate, quick, running, set, until};
use crate::support::{session, strings};

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

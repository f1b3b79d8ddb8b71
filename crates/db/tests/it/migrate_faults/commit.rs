//! The end of a migration's transaction: before it, at it, and instead of it.

use std::sync::Mutex;

use tokio_postgres::error::SqlState;
use unisys_db::migrate::{Event, MigrateError, up, verify};
use unisys_testkit::{Proxy, SHARED_SETTINGS, database, free_port};

use super::{ALTER, FIRST, TABLE, file, migrate, quick, running, set, until};
use crate::support::{database_on, own_server, session, strings};

#[tokio::test]
async fn a_commit_no_rule_sees_is_noticed() {
    let target = database().await;
    let session = session(&target).await;
    let off = format!("alter database {} set standard_conforming_strings = off", target.database);
    session.batch_execute(&off).await.unwrap();
    // By the standard's rules this is one string and a comment; by the old ones it is three statements.
    let text = "-- unisys:owner app_owner\ncreate table app.half ();\nselect 'a\\''; commit; select '--';\n";
    assert_eq!(file("V0002__x.sql", text).check(), []);
    let error = migrate(&target, &[FIRST, ("V0002__x.sql", text)]).await.unwrap_err();
    assert!(matches!(&error, MigrateError::Left { file } if file == "V0002__x.sql"), "{error:?}");
    assert_eq!(strings(&session, "select name::text from ops.schema_history").await, ["first"]);
    let logged = "select outcome from ops.migration_log where version = 2";
    assert_eq!(strings(&session, logged).await, ["failed"]);
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

//! A history that is not what the files say, and what stands beside it.

use unisys_db::migrate::{
    MigrateError, Repair, State, UpOptions, baseline, plan, plan_repair, repair, status, up, verify,
};
use unisys_testkit::database;

use super::{ALTER, FIRST, TABLE, file, migrate, quick, set};
use crate::support::{database_on, own_server, session, strings};

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

#[tokio::test]
async fn the_log_says_who_with_what_from_where_after_which_backup() {
    let target = database().await;
    let options = UpOptions {
        tool: "a test 1.2.3".into(),
        host: "there".into(),
        backup_id: Some("unisys_20261121T020000Z_7f3a".into()),
        ..quick()
    };
    up(&target, &set(&[(FIRST.0, "-- unisys:owner login\nselect 1;\n")]), &options, &|_| {}).await.unwrap();
    let session = session(&target).await;
    let row = "select concat_ws(' ', version, name, action, outcome, login, host, tool, backup_id, attempts,
        (duration_ms between 0 and 60000), (now() - started_at < interval '10 min')) from ops.migration_log";
    let expected = "1 first apply done postgres there a test 1.2.3 unisys_20261121T020000Z_7f3a 1 t t";
    assert_eq!(strings(&session, row).await, [expected]);
}

#[tokio::test]
async fn a_repair_changes_what_was_named_and_says_so_in_the_log() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE, ALTER]).await.unwrap();
    let session = session(&target).await;
    // as an earlier program made it
    session
        .batch_execute("alter table ops.migration_log drop column reason, drop column change, drop constraint migration_log_action_check;
            alter table ops.migration_log add constraint migration_log_action_check check (action in ('apply', 'rollback'))")
        .await
        .unwrap();
    let spaced = format!("{}\n", TABLE.1);
    let files = set(&[FIRST, (TABLE.0, &spaced)]);
    let asked = [Repair::AcceptChecksum(2), Repair::Forget(3)];
    let plan = plan_repair(&session, &files, &asked).await.unwrap();
    assert!(!status(&session, &files).await.unwrap().is_sound(), "a plan changes nothing");
    let options = UpOptions { tool: "a test 1.2.3".into(), host: "there".into(), ..quick() };
    repair(&target, &files, &asked, &plan, "a line at the end", &options).await.unwrap();
    let report = status(&session, &files).await.unwrap();
    assert_eq!((report.count(State::Applied), report.migrations.len(), report.is_sound()), (2, 2, true));
    let logged = "select concat_ws(' ', version, name, action, outcome, login, host, tool, reason, change like '%-> %')
        from ops.migration_log where action = 'repair' order by id";
    let expected = ["2 table", "3 alter"]
        .map(|row| format!("{row} repair done postgres there a test 1.2.3 a line at the end t"));
    assert_eq!(strings(&session, logged).await, expected);
    let columns = "select attname::text from pg_attribute where attrelid = 'app.t'::regclass and attnum > 0";
    assert_eq!(strings(&session, columns).await, ["id", "x"], "nothing was run");
    // the plan is of a history that is no more
    let stale = repair(&target, &files, &asked, &plan, "again", &options).await.unwrap_err();
    assert!(matches!(stale, MigrateError::NotRepaired { version: 2, .. }), "{stale:?}");
    // and it goes on from here
    let more = ("V0003__other.sql", "-- unisys:owner app_owner\nalter table app.t add y int;\n");
    assert_eq!(migrate(&target, &[FIRST, (TABLE.0, &spaced), more]).await.unwrap().applied.len(), 1);
}

#[tokio::test]
async fn a_repair_mends_a_row_nobody_can_read_and_is_all_or_nothing() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE, ALTER]).await.unwrap();
    let session = session(&target).await;
    session
        .batch_execute(
            "update ops.schema_history set checksum = 'x' where version = 2;
             update ops.schema_history set checksum = '1' where version = 3;
             create function ops.no() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
             create trigger no before update on ops.schema_history for each row when (old.version = 3) execute function ops.no()",
        )
        .await
        .unwrap();
    let files = set(&[FIRST, TABLE, ALTER]);
    let asked = [Repair::AcceptChecksum(2), Repair::AcceptChecksum(3)];
    let plan = plan_repair(&session, &files, &asked).await.unwrap();
    let refused = repair(&target, &files, &asked, &plan, "why", &quick()).await.unwrap_err();
    assert!(matches!(refused, MigrateError::Db(_)), "{refused:?}");
    let states = async || {
        status(&session, &files).await.unwrap().migrations.iter().map(|m| m.state).collect::<Vec<_>>()
    };
    assert_eq!(status(&session, &files).await.unwrap().problems.len(), 1, "the first row is as it was");
    session.batch_execute("drop trigger no on ops.schema_history").await.unwrap();
    repair(&target, &files, &asked, &plan, "why", &quick()).await.unwrap();
    assert_eq!(states().await, [State::Applied; 3]);
    assert_eq!(migrate(&target, &[FIRST, TABLE, ALTER]).await.unwrap().already, 3);
}

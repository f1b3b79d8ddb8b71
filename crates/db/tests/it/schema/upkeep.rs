//! What jobs do with the schema: the audit log's months, the rules of data quality.

use std::time::Duration;

use unisys_db::Session;
use unisys_db::audit::{self, Step};
use unisys_db::quality::{self, Outcome, QualityError, Report, Rights};

use super::world::world;
use crate::support::{GRANTS, database_on, migrated, own_server, session, strings};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn months_are_made_drained_and_detached_by_a_member_of_the_owner() {
    let target = migrated().await;
    let setup = session(&target).await;
    let login = format!("{}_job", target.database);
    setup
        .batch_execute(&format!(
            "create role {login} login noinherit; grant app_owner to {login};
            insert into app.audit_logs (created_at, action) values ('2020-01-15', 'a'), (now() + interval '1 year', 'b')"
        ))
        .await
        .unwrap();
    let job = Session::open(&target.with_user(login)).await.unwrap();
    let before = audit::state(&job).await.unwrap();
    assert_eq!((before.partitions.len(), before.astray.len()), (5, 2));
    let steps = audit::plan(&before, 5, Some("2021-01-01".parse().unwrap()));
    assert_eq!(steps.len(), 5, "two astray, two ahead, one detached: {steps:?}");
    for step in &steps {
        audit::apply(&job, step, MINUTE).await.unwrap();
        if let Step::Make { .. } = step {
            audit::apply(&job, step, MINUTE).await.unwrap(); // again: it is there
        }
    }
    let after = audit::state(&job).await.unwrap();
    assert_eq!((after.partitions.len(), after.astray.len()), (8, 0));
    assert!(audit::plan(&after, 5, Some("2021-01-01".parse().unwrap())).is_empty());
    assert_eq!(strings(&setup, "select action from app.audit_logs_y2020m01").await, ["a"]);
}

#[tokio::test]
async fn a_rule_is_one_statement_that_reads_for_so_long() {
    let (target, session) = world().await;
    session
        .batch_execute(
            "update app.users set institution_id = pg_temp.id(2) where username = 'ada';
            insert into qa.rules (code, description, query) values
                ('slow', 'x', 'select pg_sleep(60)'),
                ('two', 'x', 'select 1) as q) select 1, null::text[]; drop table qa.rules; with broken as (select 1 as n, q as r from (select 1'),
                ('writes', 'x', 'with gone as (delete from qa.rules returning 1) select * from gone'),
                ('comment', 'x', 'select 5 as n, 6 -- and so on'),
                ('asleep', 'x', 'select 1'), ('bad', 'x', 'select 1/0');
            update qa.rules set is_active = false where code = 'asleep'",
        )
        .await
        .unwrap();
    let report = quality::run(&target, &[], Duration::from_millis(500)).await.unwrap();
    assert_eq!(report.rights, Rights::Owner);
    let outcome = |code: &str| outcome(&report, code);
    assert_eq!(outcome("comment"), &Outcome::Broken { rows: 1, first: vec!["5".into()] });
    let student = strings(&session, "select id::text from app.students where first_name = 'Ada'").await;
    assert_eq!(outcome("account_elsewhere"), &Outcome::Broken { rows: 1, first: student });
    for (code, said) in [
        ("slow", "canceling statement due to statement timeout"),
        ("two", "cannot open multi-query plan as cursor"),
        ("bad", "division by zero"),
    ] {
        assert_eq!(outcome(code), &Outcome::Failed { reason: said.into() }, "{code}");
    }
    assert!(matches!(outcome("writes"), Outcome::Failed { .. }));
    assert!(report.rules.iter().all(|finding| finding.code != "asleep"));
    let error = quality::run(&target, &["asleep".into(), "slow".into()], MINUTE).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no active rule asleep");
    assert_eq!(strings(&session, "select count(*)::text from qa.rules").await, ["19"]);
}

fn outcome<'a>(report: &'a Report, code: &str) -> &'a Outcome {
    &report.rules.iter().find(|finding| finding.code == code).unwrap().outcome
}

fn failed(reason: &str) -> Outcome {
    Outcome::Failed { reason: reason.into() }
}

#[tokio::test]
async fn a_superusers_rule_has_the_owners_rights_alone() {
    let (target, session) = world().await;
    let superuser = strings(&session, "select session_user::text").await.remove(0);
    session
        .batch_execute(&format!(
            "create table public.secret (a int); insert into public.secret values (7);
            create function qa.promoted() returns text language plpgsql as $$
                begin perform set_config('role', '{superuser}', true); return current_user; end $$;
            create function qa.written() returns int language plpgsql as $$
                begin perform set_config('transaction_read_only', 'off', true); delete from qa.rules; return 1; end $$;
            create function qa.stubborn() returns int language plpgsql as $$
                begin loop begin perform pg_sleep(60); exception when query_canceled then null; end; end loop; end $$;
            grant execute on all functions in schema qa to qa_owner;
            insert into qa.rules (code, description, query) values
                ('whoever', 'x', 'select current_user'),
                ('role', 'x', 'select set_config(''role'', ''{superuser}'', true)'),
                ('session', 'x', 'select set_config(''session_authorization'', ''{superuser}'', true)'),
                ('promoted', 'x', 'select qa.promoted()'),
                ('written', 'x', 'select qa.written()'),
                ('writable', 'x', 'select set_config(''transaction_read_only'', ''off'', true)'),
                ('file', 'x', 'select pg_read_file(''PG_VERSION'')'),
                ('other', 'x', 'select a from public.secret'),
                ('timeless', 'x', 'select set_config(''statement_timeout'', ''0'', false), pg_sleep(60)'),
                ('locks', 'x', 'select pg_advisory_lock(4711)::text'),
                ('stubborn', 'x', 'select qa.stubborn()')"
        ))
        .await
        .unwrap();
    let report = quality::run(&target, &[], Duration::from_millis(400)).await.unwrap();
    let one = |first: &str| Outcome::Broken { rows: 1, first: vec![first.into()] };
    assert_eq!(outcome(&report, "whoever"), &one("qa_owner"));
    let definer =
        |what: &str| failed(&format!("cannot set parameter \"{what}\" within security-definer function"));
    assert_eq!(outcome(&report, "role"), &definer("role"));
    assert_eq!(outcome(&report, "promoted"), &definer("role"));
    assert_eq!(outcome(&report, "session"), &definer("session_authorization"));
    let read_only = "transaction read-write mode must be set before any query";
    assert_eq!(outcome(&report, "written"), &failed(read_only));
    assert_eq!(outcome(&report, "writable"), &failed(read_only));
    assert_eq!(outcome(&report, "file"), &failed("permission denied for function pg_read_file"));
    assert_eq!(outcome(&report, "other"), &failed("permission denied for table secret"));
    assert_eq!(outcome(&report, "timeless"), &failed("canceling statement due to statement timeout"));
    let ended = outcome(&report, "stubborn");
    assert!(matches!(ended, Outcome::Failed { reason } if reason.contains("did not stop")), "{ended:?}");
    assert_eq!(outcome(&report, "account_elsewhere"), &Outcome::Held);
    // It was told to end; nobody waits for a session that takes its time.
    let left = "select count(*)::text from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and state = 'active'";
    while strings(&session, left).await != ["0"] {
        tokio::task::yield_now().await;
    }
    let locks = "select count(*)::text from pg_locks where locktype = 'advisory' and objid = 4711";
    assert_eq!(strings(&session, locks).await, ["0"]);
}

#[tokio::test]
async fn a_rule_reads_the_audit_logs_default_partition() {
    let (target, session) = world().await;
    let astray = "insert into app.audit_logs (created_at, action) values ('2020-01-15', 'a')";
    session.batch_execute(astray).await.unwrap();
    let report = quality::run(&target, &["audit_without_partition".into()], MINUTE).await.unwrap();
    assert!(matches!(report.rules[0].outcome, Outcome::Broken { rows: 1, .. }), "{report:?}");
}

/// Roles are the server's, so it has one of its own.
#[tokio::test]
async fn rules_run_for_an_engineer_and_before_there_are_privileges() {
    let server = own_server();
    let target = database_on(&server, "uni").await;
    let empty = quality::run(&target, &[], MINUTE).await;
    assert!(matches!(empty, Err(QualityError::NoRules)));
    let migrations = unisys_db::migrate::MigrationSet::builtin().unwrap();
    unisys_db::migrate::up(&target, &migrations, &Default::default(), &|_| {}).await.unwrap();
    let report = quality::run(&target, &[], MINUTE).await.unwrap();
    assert_eq!((report.rights, report.rules.len()), (Rights::Login, 13));
    assert!(report.rules.iter().all(|finding| finding.outcome == Outcome::Held), "{:?}", report.rules);

    let superuser = session(&target).await;
    superuser.batch_execute("alter role qa_engineer login").await.unwrap();
    let engineer = target.with_user("qa_engineer");
    assert!(matches!(quality::run(&engineer, &[], MINUTE).await, Err(QualityError::NotPermitted)));
    // A third may write rules: nobody lends them rights any more.
    superuser
        .batch_execute("grant usage on schema qa to qa_engineer; grant insert on qa.rules to qa_engineer")
        .await
        .unwrap();
    let error = quality::run(&target, &[], MINUTE).await.unwrap_err().to_string();
    assert_eq!(error, "qa_owner may not read schema app, and others than this login may write rules");

    superuser.batch_execute(GRANTS).await.unwrap();
    let report = quality::run(&engineer, &[], MINUTE).await.unwrap();
    assert_eq!(report.rights, Rights::Owner);
    assert!(report.rules.iter().all(|finding| finding.outcome == Outcome::Held), "{:?}", report.rules);
}

//! What jobs do with the schema: the audit log's months, the rules of data quality.

use std::time::Duration;

use unisys_db::Session;
use unisys_db::audit::{self, Step};
use unisys_db::quality::{self, Outcome, QualityError};

use super::world::world;
use crate::support::{database_on, migrated, own_server, session, strings};

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
    let (_target, session) = world().await;
    session
        .batch_execute(
            "update app.users set institution_id = pg_temp.id(2) where username = 'ada';
            insert into qa.rules (code, description, query) values
                ('slow', 'x', 'select pg_sleep(60)'),
                ('two', 'x', 'select 1) as q) select 1, null::text[]; drop table qa.rules; with q as (select * from (select 1'),
                ('writes', 'x', 'with gone as (delete from qa.rules returning 1) select * from gone'),
                ('comment', 'x', 'select 5 as n, 6 -- and so on'),
                ('asleep', 'x', 'select 1'), ('bad', 'x', 'select 1/0');
            update qa.rules set is_active = false where code = 'asleep'",
        )
        .await
        .unwrap();
    let findings = quality::run(&session, &[], Duration::from_millis(500)).await.unwrap();
    let outcome = |code: &str| &findings.iter().find(|finding| finding.code == code).unwrap().outcome;
    assert_eq!(outcome("comment"), &Outcome::Broken { rows: 1, first: vec!["5".into()] });
    let student = strings(&session, "select id::text from app.students where first_name = 'Ada'").await;
    assert_eq!(outcome("account_elsewhere"), &Outcome::Broken { rows: 1, first: student });
    for (code, said) in [
        ("slow", "canceling statement due to statement timeout"),
        ("two", "cannot insert multiple commands into a prepared statement"),
        ("bad", "division by zero"),
    ] {
        assert_eq!(outcome(code), &Outcome::Failed { reason: said.into() }, "{code}");
    }
    assert!(matches!(outcome("writes"), Outcome::Failed { .. }));
    assert!(findings.iter().all(|finding| finding.code != "asleep"));
    let error = quality::run(&session, &["asleep".into(), "slow".into()], MINUTE).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no active rule asleep");
    assert_eq!(strings(&session, "select count(*)::text from qa.rules").await, ["19"]);
}

#[tokio::test]
async fn a_qa_engineer_needs_no_more_than_to_read() {
    let server = own_server();
    let target = database_on(&server, "uni").await;
    let empty = quality::run(&session(&target).await, &[], MINUTE).await;
    assert!(matches!(empty, Err(QualityError::NoRules)));
    let migrations = unisys_db::migrate::MigrationSet::builtin().unwrap();
    unisys_db::migrate::up(&target, &migrations, &Default::default(), &|_| {}).await.unwrap();
    session(&target)
        .await
        .batch_execute(
            "grant usage on schema app, qa to qa_engineer;
            grant select on all tables in schema app, qa to qa_engineer; alter role qa_engineer login;",
        )
        .await
        .unwrap();
    let engineer = session(&target.with_user("qa_engineer")).await;
    let findings = quality::run(&engineer, &[], MINUTE).await.unwrap();
    assert_eq!(findings.len(), 13);
    assert!(findings.iter().all(|finding| finding.outcome == Outcome::Held), "{findings:?}");
}

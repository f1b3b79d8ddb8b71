//! R20: the end of a role that has something in every corner.

use std::collections::BTreeMap;
use std::time::Duration;

use unisys_db::roles::{
    ApplyOptions, DatabaseRule, Policy, Retirement, RetirementPlan, RolesError, Scope, plan_retirements,
    records, retire,
};
use unisys_db::{Session, Target};
use unisys_ops::server::Scratch;

use crate::support::{database_on, own_server, session, strings};

/// The one who leaves. A name that must be quoted.
const LEAVER: &str = "lea\"ver; --";

fn policy(terminate_sessions: bool) -> Policy {
    let retirement =
        Retirement { role: LEAVER.into(), reassign_to: "heir".into(), terminate_sessions, line: 1 };
    Policy {
        sha256: "0".repeat(64),
        database: DatabaseRule::default(),
        scope: Scope::default(),
        roles: BTreeMap::new(),
        schemas: BTreeMap::new(),
        grants: vec![],
        sensitive: vec![],
        assertions: vec![],
        retired: vec![retirement],
    }
}

fn options() -> ApplyOptions {
    ApplyOptions {
        wait: Duration::from_secs(30),
        lock_timeout: Duration::from_millis(200),
        ..ApplyOptions::default()
    }
}

/// What it has: in two databases, of every kind.
const HAS: &str = r#"
    create schema s authorization "lea""ver; --";
    set role "lea""ver; --";
    create table s.t (id int primary key, x text);
    create view s.v as select id from s.t;
    create function s.f() returns int language sql as 'select 1';
    create type s.kind as enum ('a');
    grant select on s.t to friend;
    alter default privileges in schema s grant select on tables to friend;
    reset role;
    create schema other;
    create table other.u (id int, secret text);
    grant select (id), update (secret) on other.u to "lea""ver; --";
    grant usage on schema other to "lea""ver; --";
    alter table other.u enable row level security;
    create policy p on other.u for select to friend, "lea""ver; --" using (true);
    alter default privileges grant select on tables to "lea""ver; --";
"#;

async fn a_server_with_a_leaver() -> (Scratch, Target, Target) {
    let server = own_server();
    let (here, there) = (database_on(&server, "here").await, database_on(&server, "there; \"").await);
    let postgres = session(&here).await;
    postgres
        .batch_execute(
            r#"create role "lea""ver; --" login; create role friend; create role heir; create role team;
            grant team to "lea""ver; --"; grant "lea""ver; --" to friend;
            alter role "lea""ver; --" set statement_timeout = '1s'; grant connect on database here to "lea""ver; --";
            alter role "lea""ver; --" in database here set work_mem = '5MB'"#,
        )
        .await
        .unwrap();
    postgres.batch_execute(r#"create database his owner "lea""ver; --""#).await.unwrap();
    for target in [&here, &there] {
        session(target).await.batch_execute(HAS).await.unwrap();
    }
    (server, here, there)
}

async fn the_plan(target: &Target, policy: &Policy) -> RetirementPlan {
    plan_retirements(target, policy).await.unwrap().pop().unwrap()
}

const OWNERS: &str = "select distinct o.kind || ' of ' || r.rolname from (
        select 'relation' as kind, relowner as owner from pg_class where relnamespace = 's'::regnamespace
        union all select 'schema', nspowner from pg_namespace where nspname = 's'
        union all select 'function', proowner from pg_proc where pronamespace = 's'::regnamespace
        union all select 'type', typowner from pg_type where typnamespace = 's'::regnamespace) as o
    join pg_roles as r on r.oid = o.owner order by 1";

async fn assert_retired(here: &Target, there: &Target) {
    for target in [here, there] {
        let session = session(target).await;
        let heirs = ["function of heir", "relation of heir", "schema of heir", "type of heir"];
        assert_eq!(strings(&session, OWNERS).await, heirs);
        let friend = "select has_table_privilege('friend', 's.t', 'select')::text
            union all select roles::text from pg_policies";
        assert_eq!(strings(&session, friend).await, ["true", "{friend}"], "what others have stays");
    }
    let session = session(here).await;
    let left = "select rolname::text from pg_roles where rolname like 'lea%'
        union all select r.rolname from pg_database as d join pg_roles as r on r.oid = d.datdba where datname = 'his'
        union all select 'setting' from pg_db_role_setting where setrole <> 0";
    assert_eq!(strings(&session, left).await, ["heir"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_with_something_everywhere_is_retired() {
    let (_server, here, there) = a_server_with_a_leaver().await;
    let connected = session(&there.with_user(LEAVER)).await;
    let plan = the_plan(&here, &policy(false)).await;
    assert_eq!(plan.obstacles.len(), 1);
    assert!(plan.obstacles[0].starts_with("it is connected (processes "), "{:?}", plan.obstacles);
    let error = retire(&here, &plan, &options(), &|_| {}).await.unwrap_err();
    assert!(matches!(error, RolesError::Obstacles { .. }), "{error}");
    let logs_in = "select rolcanlogin::text from pg_roles where rolname like 'lea%'";
    assert_eq!(strings(&session(&here).await, logs_in).await, ["true"], "refused before anything");

    let plan = the_plan(&here, &policy(true)).await;
    assert_eq!(plan.obstacles, [""; 0]);
    let databases: Vec<&str> = plan.databases.iter().map(|database| database.name.as_str()).collect();
    assert_eq!((databases, plan.sessions.len()), (vec!["there; \"", "here"], 1));
    assert!(plan.databases[0].owned.contains(&"table s.t".to_owned()), "{:?}", plan.databases[0].owned);
    assert!(plan.databases[1].owned.contains(&"database his".to_owned()), "{:?}", plan.databases[1].owned);
    let id = retire(&here, &plan, &options(), &|_| {}).await.unwrap().unwrap();
    assert!(connected.query("select 1", &[]).await.is_err());
    assert_retired(&here, &there).await;
    let records = records(&session(&here).await).await.unwrap();
    let told: Vec<_> =
        records.iter().map(|r| (r.id, r.action.as_str(), r.outcome.as_str(), r.statements)).collect();
    assert_eq!(told, [(id, "retire", "done", 6)]);
    assert_eq!(plan_retirements(&here, &policy(true)).await.unwrap(), []);
    assert_eq!(retire(&here, &plan, &options(), &|_| {}).await.unwrap(), None, "it is gone already");
}

/// Each step that can be stopped is, and the next run does the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_retirement_that_was_stopped_is_repeated() {
    let (_server, here, there) = a_server_with_a_leaver().await;
    let reader = session(&here).await;
    reader.batch_execute("begin; select * from s.t").await.unwrap();
    let plan = the_plan(&here, &policy(true)).await;
    let brief = ApplyOptions { wait: Duration::from_millis(500), ..options() };
    let error = retire(&here, &plan, &brief, &|_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "could not reassign and drop what lea\"ver; -- has in database here");
    let heir = ["function of heir", "relation of heir", "schema of heir", "type of heir"];
    assert_eq!(strings(&session(&there).await, OWNERS).await, heir, "the other database is done");
    let refused = Session::open(&here.with_user(LEAVER)).await;
    assert!(refused.is_err(), "and nobody gets in meanwhile");
    reader.batch_execute("rollback").await.unwrap();
    let plan = the_plan(&here, &policy(true)).await;
    assert_eq!((plan.login, plan.databases.len()), (false, 1));
    retire(&here, &plan, &options(), &|_| {}).await.unwrap().unwrap();
    assert_retired(&here, &there).await;
    let outcomes = "select outcome from ops.role_changes order by id";
    assert_eq!(strings(&session(&here).await, outcomes).await, ["begun", "done"]);
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_before() {
    let (_server, here, _there) = a_server_with_a_leaver().await;
    let postgres = session(&here).await;
    let closed = r#"alter database "there; """ allow_connections false; create role deploy login createrole"#;
    postgres.batch_execute(closed).await.unwrap();
    let plan = the_plan(&here.with_user("deploy"), &policy(true)).await;
    let mut expected = vec![
        "deploy does not have the rights of lea\"ver; --: grant \"lea\"\"ver; --\" to \"deploy\"",
        "deploy does not have the rights of heir: grant \"heir\" to \"deploy\"",
        "it has something in database there; \", which allows no connections",
    ];
    assert_eq!(plan.obstacles, expected);
    let grants =
        r#"grant "lea""ver; --" to deploy with admin option; grant heir to deploy; drop role friend, heir"#;
    assert!(postgres.batch_execute(grants).await.is_err(), "friend is named in policies");
    let grants = r#"grant "lea""ver; --" to deploy with admin option; grant heir to deploy"#;
    postgres.batch_execute(grants).await.unwrap();
    let plan = the_plan(&here.with_user("deploy"), &policy(true)).await;
    expected.drain(..2);
    assert_eq!(plan.obstacles, expected);
    let itself = the_plan(&here.with_user(LEAVER), &policy(true)).await;
    assert!(itself.obstacles.contains(&"it is this login".to_owned()), "{:?}", itself.obstacles);
}

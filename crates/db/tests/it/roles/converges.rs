//! Whatever a server has and a policy says: one run of the difference, and there is none any more.

use std::fmt::Write as _;

use unisys_db::Session;
use unisys_db::roles::{Difference, Live, Policy, difference, inspect};

use super::chance::Chance;
use super::{random_policy, random_state};
use crate::support::session;
use unisys_testkit::database;

/// How many cases there are, and the seed of the first.
const CASES: &str = "UNISYS_TEST_ROLE_CASES";
const SEED: &str = "UNISYS_TEST_ROLE_SEED";

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

#[tokio::test]
async fn r01_one_run_of_the_difference_leaves_none_whatever_there_was() {
    let target = database().await;
    let session = session(&target).await;
    let name = session.query_one("select current_database()::text", &[]).await.unwrap().get::<_, String>(0);
    let version = session.query_one("select current_setting('server_version_num')::int4", &[]).await.unwrap();
    let version = version.get::<_, i32>(0).unsigned_abs();
    let first = number(SEED, 1);
    for seed in first..first + number(CASES, 30) {
        session.batch_execute("begin; set local search_path = ''").await.unwrap();
        let mut chance = Chance::new(seed);
        for statement in random_state::statements(&mut chance, &name) {
            attempt(&session, &statement).await;
        }
        let policy = random_policy::policy(&mut chance, version);
        converges(&session, &policy, seed).await;
        // and from a state that is nearly right
        for _ in 0..5 {
            attempt(&session, &random_state::one(&mut chance, &name)).await;
        }
        converges(&session, &policy, seed).await;
        session.batch_execute("rollback").await.unwrap();
    }
}

/// What the server refuses is no state of its.
async fn attempt(session: &Session, statement: &str) {
    session.batch_execute("savepoint attempt").await.unwrap();
    if session.batch_execute(statement).await.is_err() {
        session.batch_execute("rollback to attempt").await.unwrap();
    }
    session.batch_execute("release attempt; set local role none").await.unwrap();
}

async fn converges(session: &Session, policy: &Policy, seed: u64) {
    let before = inspect(session).await.unwrap();
    let planned = difference(policy, &before);
    assert!(planned.impossible.is_empty(), "seed {seed}: {:#?}", planned.impossible);
    for change in &planned.changes {
        let as_role = change.as_role.as_deref().map_or_else(|| "none".into(), unisys_db::quote_ident);
        let sql = format!("set local role {as_role}; {}; set local role none", change.sql);
        if let Err(error) = session.batch_execute(&sql).await {
            panic!("seed {seed}: {error:?}\n{sql}\n\nof\n{}\n{policy:#?}", script(&planned));
        }
    }
    let after = inspect(session).await.unwrap();
    let left = difference(policy, &after);
    assert!(
        left.is_empty(),
        "seed {seed}: left over\n{}{:#?}\n\nafter\n{}\n\n{}\n{policy:#?}",
        script(&left),
        left.impossible,
        script(&planned),
        lists(&before)
    );
}

fn script(difference: &Difference) -> String {
    difference.changes.iter().fold(String::new(), |mut script, change| {
        let as_role = change.as_role.as_deref().unwrap_or("-");
        let _ = writeln!(script, "{:?} {as_role}: {};   -- {}", change.phase, change.sql, change.reason);
        script
    })
}

fn lists(live: &Live) -> String {
    let mut text = String::new();
    for role in live.roles.values().filter(|role| !role.is_predefined()) {
        let _ = writeln!(text, "{} {}", role.oid, role.name);
    }
    let _ =
        writeln!(text, "{:#?}", live.memberships.iter().filter(|m| m.member >= 16384).collect::<Vec<_>>());
    for object in live.objects.iter().filter(|object| !object.system) {
        let _ = writeln!(text, "{object} {} {:?}", object.owner, &*object.acl);
        for column in object.columns.iter().filter(|column| column.acl.is_some()) {
            let _ = writeln!(text, "  {} {:?}", column.name, column.acl.as_deref());
        }
    }
    text
}

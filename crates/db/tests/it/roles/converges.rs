//! Whatever a server has and a policy says: one run of the difference, and there is none any more.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use unisys_db::Session;
use unisys_db::roles::{Acl, Difference, Live, Policy, difference, inspect};

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
    session.batch_execute("savepoint before").await.unwrap();
    let statements = planned.changes.iter().map(|change| (change.as_role.as_deref(), change.sql.as_str()));
    say(session, statements, seed, &planned, policy).await;
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
    if planned.retire.is_empty() {
        session.batch_execute("savepoint after").await.unwrap();
        let back = planned.changes.iter().rev().flat_map(|change| &change.undo);
        let statements = back.map(|undo| (undo.as_role.as_deref(), undo.sql.as_str()));
        say(session, statements, seed, &planned, policy).await;
        let (then, again) = (access(&before), access(&inspect(session).await.unwrap()));
        let changed: Vec<_> = then.symmetric_difference(&again).collect();
        assert!(
            changed.is_empty(),
            "seed {seed}: not taken back\n{changed:#?}\n{}{}",
            script(&planned),
            lists(&before)
        );
        session.batch_execute("rollback to after").await.unwrap();
    }
}

async fn say(
    session: &Session,
    statements: impl Iterator<Item = (Option<&str>, &str)>,
    seed: u64,
    planned: &Difference,
    policy: &Policy,
) {
    for (as_role, sql) in statements {
        let as_role = as_role.map_or_else(|| "none".into(), unisys_db::quote_ident);
        let sql = format!("set local role {as_role}; {sql}; set local role none");
        if let Err(error) = session.batch_execute(&sql).await {
            panic!("seed {seed}: {error:?}\n{sql}\n\nof\n{}\n{policy:#?}", script(planned));
        }
    }
}

/// Returns who may what, whoever granted it: taking back a change of owner makes old grants those of the owner.
fn access(live: &Live) -> BTreeSet<String> {
    let entries = |acl: &Acl, owner: u32| -> Vec<String> {
        let others = acl.iter().filter(|entry| entry.grantee != owner);
        others
            .flat_map(|e| e.privileges.iter().map(move |p| format!("{} {p}", live.role_name(e.grantee))))
            .collect()
    };
    let mut all = BTreeSet::new();
    for role in live.roles.values() {
        // for ever is said in two ways, and only one can be said in SQL
        all.insert(format!("{role:?}").replace("Some(\"infinity\")", "None"));
    }
    for m in &live.memberships {
        all.insert(format!("{} in {} {} {} {}", m.member, m.role, m.admin, m.inherit, m.set));
    }
    all.extend(live.settings.iter().map(|setting| format!("{setting:?}")));
    all.extend(
        live.databases.iter().map(|database| format!("{} {}", database.name, database.connection_limit)),
    );
    for object in &live.objects {
        all.insert(format!("{object} of {}", live.role_name(object.owner)));
        all.extend(entries(&object.acl, object.owner).iter().map(|entry| format!("{object}: {entry}")));
        for column in &object.columns {
            let acl = column.acl.clone().unwrap_or_default();
            all.extend(entries(&acl, object.owner).iter().map(|e| format!("{object}.{}: {e}", column.name)));
        }
    }
    for default in &live.defaults {
        let of = format!("{} {:?} {:?}", default.creator, default.schema, default.class);
        let others = default.acl.iter().filter(|entry| entry.grantee != default.creator);
        all.extend(
            others
                .map(|entry| format!("{of} {} {:?} {:?}", entry.grantee, entry.privileges, entry.grantable)),
        );
    }
    all
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

//! What `Access` says is what happens when the role tries: thousands of attempts, each rolled back.

mod asked;
mod attempts;
mod world;

use std::collections::BTreeMap;

use unisys_db::Session;
use unisys_db::roles::{Ability, Access, Live, Oid, Role, Via};

use super::live;
use crate::support::session;
use attempts::Attempt;

#[tokio::test]
async fn what_access_says_is_what_happens() {
    let (_server, target) = world::shipped().await;
    let session = session(&target).await;
    for seed in 0..2 {
        // what a trigger does is its function's business, which is not judged
        session.batch_execute("begin; set local session_replication_role = replica").await.unwrap();
        world::chance(&session, seed).await;
        let live = unisys_db::roles::inspect(&session).await.unwrap();
        judge(&session, &live, &format!("seed {seed}")).await;
        session.batch_execute("rollback").await.unwrap();
    }
}

#[tokio::test]
async fn what_access_says_of_the_zoo_is_what_the_server_says() {
    let (_server, target) = crate::zoo::server().await;
    let live = live(&target).await;
    let session = session(&target).await;
    asked::asked(&session, &Access::new(&live), "zoo").await;
}

async fn judge(session: &Session, live: &Live, what: &str) {
    let access = Access::new(live);
    asked::asked(session, &access, what).await;
    let attempts = attempts::all(session, live).await;
    let mut happened: BTreeMap<Oid, Vec<String>> = BTreeMap::new();
    for role in live.roles.values().filter(|role| tries(role)) {
        happened.insert(role.oid, attempts::run(session, &role.name, &attempts).await);
    }
    let mut wrong = Vec::new();
    let mut counts = BTreeMap::new();
    for role in live.roles.values().filter(|role| tries(role)) {
        let others: Vec<Oid> = match role.superuser {
            true => vec![role.oid],
            false => attempts::may_become(session, live, role).await,
        };
        for other in live.roles.keys().filter(|other| **other != role.oid && !role.superuser) {
            if others.contains(other) != access.may_set_role(role.oid, *other) {
                wrong.push(format!("{} SET ROLE {}", role.name, live.role_name(*other)));
            }
        }
        for (place, attempt) in attempts.iter().enumerate() {
            let works = |role: &Oid| attempt.works(&happened[role][place]);
            let truth = match (
                works(&role.oid),
                others.iter().filter(|other| happened.contains_key(other)).any(works),
            ) {
                (true, _) => Ability::Automatic,
                (false, true) => Ability::BySetRole,
                (false, false) => Ability::No,
            };
            let said = attempt.said(&access, role.oid);
            *counts.entry(truth).or_insert(0) += 1;
            if truth != said && !(attempt.loose && said < truth) {
                let state = &happened[&role.oid][place];
                wrong.push(format!("{}: {} is {truth:?} ({state}), said {said:?}", role.name, attempt.sql));
            }
            consistent(&access, role.oid, attempt, &mut wrong);
        }
    }
    assert!(
        wrong.is_empty(),
        "{what}: {} of {counts:?}:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
    assert!(counts.values().all(|count| *count > 100), "each answer comes often: {counts:?}");
}

/// The server's own roles have what PUBLIC has, but these; they are only gone through.
fn tries(role: &Role) -> bool {
    !role.is_predefined()
        || role.superuser
        || ["pg_read_all_data", "pg_write_all_data", "pg_maintain", "pg_database_owner"]
            .contains(&role.name.as_str())
}

/// The ways say the same as the answer: there is one that works, and not only by SET ROLE, exactly when the answer says so.
fn consistent(access: &Access<'_>, role: Oid, attempt: &Attempt<'_>, wrong: &mut Vec<String>) {
    for (privilege, object, column) in &attempt.needs {
        let (paths, _) = access.paths(role, *privilege, object, *column);
        let whole = paths
            .iter()
            .filter(|path| path.hindrance.is_none() && path.columns.is_empty() || column.is_some());
        let best =
            whole.filter(|path| path.hindrance.is_none()).map(|path| path.reach).max().unwrap_or(Ability::No);
        let said = access.may(role, *privilege, object, *column);
        let by_columns = paths.iter().any(|path| !path.columns.is_empty());
        if best != said && !(column.is_none() && by_columns && best < said) {
            wrong.push(format!("{role}: {privilege} {object}: the ways say {best:?}, the answer {said:?}"));
        }
        if paths.iter().any(|path| {
            path.close.is_empty() && !matches!(path.via, Via::Superuser { .. } | Via::Predefined { .. })
        }) {
            wrong.push(format!("{role}: {privilege} {object}: a way nothing closes"));
        }
    }
}

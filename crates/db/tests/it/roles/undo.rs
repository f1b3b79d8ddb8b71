//! `roles undo` on a live server.

use unisys_db::Target;
use unisys_db::roles::{Reach, RolesError, State, plan_undo, records, undo};
use unisys_testkit::database;

use super::live;
use super::shop::{make, options, policy, reach};
use crate::support::{session, strings};

async fn state(target: &Target, prefix: &str) -> State {
    let live = live(target).await;
    State::of(&Reach::of(&policy(prefix, ""), &live), &live)
}

async fn take_back(target: &Target, id: i64) -> Result<i64, RolesError> {
    let plan = plan_undo(&session(target).await, id).await?;
    Ok(undo(target, &plan, &options(), &|_| {}).await?.id.unwrap())
}

#[tokio::test]
async fn an_undo_leads_to_the_state_before_and_its_undo_to_the_one_after() {
    let target = database().await;
    let prefix = make(&target).await;
    // the record's own schema is there: what the first change makes besides, no undo takes away
    session(&target).await.batch_execute("create schema ops").await.unwrap();
    let first = state(&target, &prefix).await;
    let id = reach(&target, &policy(&prefix, "")).await.unwrap().id.unwrap();
    let second = state(&target, &prefix).await;
    assert_ne!(first.digest(), second.digest());
    let undone = take_back(&target, id).await.unwrap();
    assert_eq!(state(&target, &prefix).await.changed_since(&first), []);
    let roles = format!("select rolname::text from pg_roles where rolname like '{prefix}%'");
    assert_eq!(strings(&session(&target).await, &roles).await, [""; 0]);
    let redone = take_back(&target, undone).await.unwrap();
    assert_eq!(state(&target, &prefix).await.changed_since(&second), []);
    assert!(reach(&target, &policy(&prefix, "")).await.unwrap().changes.is_empty());
    let told = records(&session(&target).await).await.unwrap();
    let told: Vec<_> = told.iter().map(|r| (r.id, r.action.as_str(), r.undoes, r.undone_by)).collect();
    let expected = [
        (redone, "undo", Some(undone), None),
        (undone, "undo", Some(id), Some(redone)),
        (id, "apply", None, Some(undone)),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_later_change_is_taken_back_first() {
    let target = database().await;
    let prefix = make(&target).await;
    let first = reach(&target, &policy(&prefix, "")).await.unwrap().id.unwrap();
    let more = "[[grant]]\nto = \"P_reader\"\nprivileges = \"execute\"\non = \"routine shop.*\"\n";
    let second = reach(&target, &policy(&prefix, more)).await.unwrap().id.unwrap();
    let error = take_back(&target, first).await.unwrap_err();
    let RolesError::ChangedSince { id, changed } = &error else { panic!("{error:?}") };
    assert_eq!(*id, first);
    assert!(changed.iter().any(|c| c.what == "schema shop, function total()"), "{changed:?}");
    take_back(&target, second).await.unwrap();
    take_back(&target, first).await.unwrap();
}

/// R21: what somebody changed by hand since is not overwritten, and named.
#[tokio::test]
async fn what_was_changed_by_hand_since_is_named_and_nothing_is_undone() {
    let target = database().await;
    let prefix = make(&target).await;
    let id = reach(&target, &policy(&prefix, "")).await.unwrap().id.unwrap();
    let hand = session(&target).await;
    hand.batch_execute(&format!("grant delete on shop.items_1 to {prefix}_writer")).await.unwrap();
    let before = state(&target, &prefix).await;
    let error = take_back(&target, id).await.unwrap_err();
    let RolesError::ChangedSince { changed, .. } = &error else { panic!("{error:?}") };
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!(changed[0].what, "schema shop, table items_1");
    assert_eq!(state(&target, &prefix).await, before);
    let plan = plan_undo(&hand, id).await;
    assert!(matches!(plan, Err(RolesError::ChangedSince { .. })));
    hand.batch_execute(&format!("revoke delete on shop.items_1 from {prefix}_writer")).await.unwrap();
    take_back(&target, id).await.unwrap();
}

#[tokio::test]
async fn there_may_be_nothing_to_take_back() {
    let target = database().await;
    assert_eq!(records(&session(&target).await).await.unwrap(), []);
    let error = take_back(&target, 1).await.unwrap_err();
    assert_eq!(error.to_string(), "no change of roles has the number 1 in this database");
}

//! Checks of a server, against a server with something wrong.

mod traps;

use unisys_db::monitor::{self, Judged, Limits, State, Thresholds};
use unisys_db::{Session, Target};

use crate::support::session;

/// Asks and judges one check, by changed marks.
async fn check_by(session: &Session, id: &str, marks: &[(&str, f64, f64)]) -> Judged {
    let check = monitor::find(id).unwrap();
    let recording = monitor::collect(session, &[check], Limits::default()).await.unwrap();
    let changed = marks
        .iter()
        .map(|(name, warning, critical)| ((id.to_owned(), (*name).to_owned()), (*warning, Some(*critical))))
        .collect();
    let report = monitor::judge(&recording, &Thresholds { changed });
    report.checks.into_iter().next().unwrap()
}

async fn check(session: &Session, id: &str) -> Judged {
    check_by(session, id, &[]).await
}

/// Returns the first cells of the items in this state.
fn named(judged: &Judged, state: State) -> Vec<String> {
    let of_state = judged.verdict.items.iter().filter(|item| item.state == state);
    of_state
        .map(|item| match &item.cells[0] {
            monitor::Cell::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Makes a login without any right, and returns a session of it.
async fn as_login(target: &Target, name: &str, grants: &str) -> Session {
    let owner = session(target).await;
    owner.batch_execute(&format!("create role {name} login; {grants}")).await.unwrap();
    let asked = session(target).await;
    asked.batch_execute(&format!("set session authorization {name}")).await.unwrap();
    asked
}

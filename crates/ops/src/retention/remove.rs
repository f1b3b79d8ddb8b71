//! The removal of what was judged to go.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::counts::Judgement;
use super::judge::{GroupPlan, Line};
use super::pin::Pin;
use crate::OpsError;
use crate::backup::BackupId;
use crate::drill;
use crate::evidence::history;
use crate::store::{Fault, Store, StoreLock};

/// What became of a backup that was to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum Fate {
    /// It is gone.
    Removed,
    /// A drill or a restore reads it: it stays until another time.
    InUse,
    /// Somebody pinned it meanwhile.
    Pinned,
    /// It could not be removed.
    Failed {
        /// Why not.
        problem: String,
    },
}

/// A backup that was to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// Its name.
    pub id: BackupId,
    /// The size of its files, in bytes.
    pub stored_bytes: u64,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// Removes what the plan lets go, the oldest first; the records of its drills are kept in the store's history. Of that only what is in `agreed`, where somebody was asked. One that cannot
/// be removed does not stop the others. Whoever calls holds the lock of the database, and made the plan under it.
///
/// # Errors
/// [`OpsError`] when what was found out about the counts cannot be written down; then nothing is removed.
pub fn remove(
    store: &dyn Store,
    _lock: &StoreLock,
    plan: &GroupPlan,
    agreed: Option<&BTreeSet<BackupId>>,
    now: DateTime<Utc>,
) -> Result<Vec<Removal>, OpsError> {
    for (id, judgement) in &plan.judgements {
        match judgement.write(store, id) {
            // what it says is found out again from the one that is there: it holds no less than this
            Err(OpsError::Bucket { fault: Fault::Denied, .. }) if Judgement::read(store, id)?.is_some() => {}
            written => written?,
        }
    }
    let wanted = plan.removals().filter(|line| agreed.is_none_or(|agreed| agreed.contains(&line.id)));
    let removal = wanted.map(|line| Removal {
        id: line.id.clone(),
        stored_bytes: line.stored_bytes,
        fate: remove_one(store, line, now),
    });
    let removals: Vec<Removal> = removal.collect();
    if !removals.is_empty() {
        // the next run tries again, and nothing is lost meanwhile
        let _ = history::close_months(store, &BackupId::slug(&plan.database), now);
    }
    Ok(removals)
}

fn remove_one(store: &dyn Store, line: &Line, now: DateTime<Utc>) -> Fate {
    let id = &line.id;
    let removed = Pin::read(store, id).and_then(|pin| match pin == line.lapsed_pin {
        true => history::keep(store, id, now).and_then(|()| store.remove(id)).map(|()| Fate::Removed),
        false => Ok(Fate::Pinned),
    });
    removed.unwrap_or_else(|error| match error {
        OpsError::InUse { .. } => Fate::InUse,
        error => Fate::Failed { problem: drill::chain(&error) },
    })
}

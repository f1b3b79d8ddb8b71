//! What can go wrong when roles and privileges are changed.

use std::time::Duration;

use thiserror::Error;

use super::password::PasswordError;
use super::{Change, Changed, Impossible};
use crate::DbError;
use crate::error::ServerError;
use crate::run_lock::LockHolder;
use crate::snapshot::SnapshotError;

/// Roles or privileges were not changed.
#[derive(Debug, Error)]
pub enum RolesError {
    /// The server could not be asked.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The connection goes through a transaction pooler, where the lock would be anybody's.
    #[error(transparent)]
    Pooler(SnapshotError),
    /// Somebody else changes them, and did not end in time.
    #[error("another session changes the roles of this database: {holder}; waited {} s", waited.as_secs())]
    Locked {
        /// Who.
        holder: Box<LockHolder>,
        /// How long was waited.
        waited: Duration,
    },
    /// The server takes no changes.
    #[error("{database} is on a standby, which takes no changes")]
    Standby {
        /// The database that was asked.
        database: String,
    },
    /// The policy wants what cannot be; nothing was changed.
    #[error("the policy cannot be reached: {}", first(.0))]
    Impossible(
        /// Each, in the policy's order.
        Vec<Impossible>,
    ),
    /// A plan that was looked at is not what would be done now; nothing was changed.
    #[error("the plan is not for this: {}", first(.0))]
    Stale(
        /// What differs, a line each.
        Vec<String>,
    ),
    /// A statement was refused; all of it is rolled back.
    #[error("could not change the roles: statement {number} of {of}{}: {sql}", by(as_role.as_deref()))]
    Statement {
        /// Which one, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// Who said it, where that is not the login.
        as_role: Option<String>,
        /// The statement. Never a password.
        sql: String,
        /// What the server said.
        source: ServerError,
    },
    /// After all statements the policy was not reached; all of it is rolled back.
    #[error("the changes did not lead to what the policy says; left over: {}", first(.0))]
    NotReached(
        /// What would still have to be done.
        Vec<Change>,
    ),
    /// What must hold of effective access does not; all of it is rolled back.
    #[error("an assertion of the policy does not hold: {}", first(.0))]
    Assertion(
        /// Each, with the path that breaks it.
        Vec<String>,
    ),
    /// A password could not be set; all of it is rolled back.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The record of the change could not be kept; all of it is rolled back.
    #[error("could not {doing}, where changes of roles are recorded")]
    Record {
        /// What was being done.
        doing: &'static str,
        /// What the server said.
        source: ServerError,
    },
    /// The connection was lost at COMMIT; the server did not commit.
    #[error("the connection was lost at COMMIT: nothing was changed")]
    Lost {
        /// How the connection ended.
        source: ServerError,
    },
    /// The connection was lost at COMMIT, and what became of it could not be found out.
    #[error("the connection was lost at COMMIT: whether the roles were changed is not known")]
    Unresolved {
        /// How the connection ended.
        source: ServerError,
    },
    /// No change has this number.
    #[error("no change of roles has the number {0} in this database")]
    NoSuchRecord(
        /// The number.
        i64,
    ),
    /// A change cannot be taken back.
    #[error("change {id} cannot be taken back: {reason}")]
    NotUndoable {
        /// The change.
        id: i64,
        /// Why.
        reason: String,
    },
    /// Something was changed since the change that is to be taken back.
    #[error("the roles are not as change {id} left them: {}", first(changed))]
    ChangedSince {
        /// The change.
        id: i64,
        /// Each thing that is not as it was.
        changed: Vec<Changed>,
    },
    /// What takes a change back did not lead to what was before it; all of it is rolled back.
    #[error("change {id} could not be taken back: {}", first(changed))]
    NotRestored {
        /// The change.
        id: i64,
        /// Each thing that would not be as it was.
        changed: Vec<Changed>,
    },
    /// A role cannot be retired as things are; nothing was changed.
    #[error("{role} cannot be retired: {}", first(obstacles))]
    Obstacles {
        /// The role.
        role: String,
        /// What stands in the way, a sentence each.
        obstacles: Vec<String>,
    },
    /// A step of a retirement failed; what was done before it stays, and a second run goes on from there.
    #[error("could not {step}")]
    Retire {
        /// The step, on what.
        step: String,
        /// What the server said.
        source: ServerError,
    },
}

/// The rest is in the error itself, for whoever shows it.
fn first<T: ToString>(all: &[T]) -> String {
    let more = match all.len() {
        0 | 1 => String::new(),
        n => format!("; and {} more", n - 1),
    };
    all.first().map(ToString::to_string).unwrap_or_default() + &more
}

fn by(role: Option<&str>) -> String {
    role.map_or_else(String::new, |role| format!(" as {role}"))
}

impl From<SnapshotError> for RolesError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Db(error) => Self::Db(error),
            other => Self::Pooler(other),
        }
    }
}

//! How roles are changed, what is told on the way, and what is reported.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use serde::Serialize;

use super::Change;

/// How to change roles.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// How long to wait for others: for the lock, for whoever changes the same rows, and for the server to come back when a COMMIT
    /// was not answered.
    pub wait: Duration,
    /// How long one statement may wait for a lock before all of it is rolled back and tried again.
    pub lock_timeout: Duration,
    /// How long to wait before the second attempt; twice as long before each further one.
    pub pause: Duration,
    /// Whether to record the change in `ops.role_changes`. What is not recorded cannot be taken back.
    pub record: bool,
    /// Passwords by role: for roles that log in from now on, unless [`ApplyOptions::set_passwords`].
    pub passwords: BTreeMap<String, SecretString>,
    /// Whether the passwords of roles that log in already are set, too, where they are other ones or nobody can know.
    pub set_passwords: bool,
    /// The program and its version, for the record.
    pub tool: String,
    /// The machine it runs on, for the record; empty: unknown.
    pub host: String,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(60),
            lock_timeout: Duration::from_secs(5),
            pause: Duration::from_millis(100),
            record: true,
            passwords: BTreeMap::new(),
            set_passwords: false,
            tool: concat!("unisys-dba ", env!("CARGO_PKG_VERSION")).into(),
            host: String::new(),
        }
    }
}

/// A step of a change.
#[derive(Clone, Copy, Debug)]
pub enum ApplyEvent<'a> {
    /// Statements are run: so many of so many are done.
    Running {
        /// How many are done.
        done: usize,
        /// How many there are.
        of: usize,
    },
    /// All statements are done; what they led to is looked at.
    Proving,
    /// Somebody else changes the same. It is rolled back, and tried again after a pause.
    Waiting {
        /// Which attempt failed, from 1.
        attempt: u32,
        /// What the server said, in words.
        why: &'a str,
        /// How long the pause is.
        pause: Duration,
    },
    /// The connection was lost at COMMIT, and the record says that it was committed.
    Resolved,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Its record; `None`: nothing was done, or it was not to be recorded.
    pub id: Option<i64>,
    /// What was done, in order.
    pub changes: Vec<Change>,
    /// The roles whose password was set.
    pub passwords: Vec<String>,
    /// Roles that are still to be retired.
    pub to_retire: Vec<String>,
    /// How many attempts it took.
    pub attempts: u32,
}

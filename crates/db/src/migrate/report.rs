//! What `up` is told, tells on the way, and reports.

use std::time::Duration;

use serde::Serialize;

use super::{HeldLock, MigrationFile};

/// How to apply.
#[derive(Clone, Debug)]
pub struct UpOptions {
    /// How long to wait while another runner works, and for the server to come back when a COMMIT was not answered.
    pub wait: Duration,
    /// How long a statement may wait for a table lock. Everybody queues behind a migration that waits.
    pub lock_timeout: Duration,
    /// How often a migration is tried that did not get its locks; at least once.
    pub lock_attempts: u32,
    /// How long to let the queue go on before the second attempt; twice as long before each further one.
    pub pause: Duration,
    /// How long a statement outside of a transaction may wait: it waits for every older transaction to end.
    pub patience: Duration,
    /// Whether to ask for locks after each statement; [`AppliedNow::locks`] is empty else.
    pub trace_locks: bool,
    /// The program and its version, for the log.
    pub tool: String,
    /// The machine it runs on, for the log; empty: unknown.
    pub host: String,
    /// The backup that was taken before, for the log.
    pub backup_id: Option<String>,
    /// Why none was, for the log.
    pub no_backup: Option<String>,
}

impl Default for UpOptions {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(60),
            lock_timeout: Duration::from_secs(5),
            lock_attempts: 6,
            pause: Duration::from_secs(1),
            patience: Duration::from_secs(3600),
            trace_locks: false,
            tool: concat!("unisys-dba ", env!("CARGO_PKG_VERSION")).into(),
            host: String::new(),
            backup_id: None,
            no_backup: None,
        }
    }
}

/// A step of a run.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A migration is begun.
    Starting(&'a MigrationFile),
    /// A migration is being taken back by its down script.
    TakingBack(&'a MigrationFile),
    /// It did not get its locks and is rolled back; after a pause it is tried again.
    Waiting {
        /// The migration.
        file: &'a MigrationFile,
        /// Which attempt failed, from 1.
        attempt: u32,
        /// How many there will be.
        of: u32,
        /// How long the pause is.
        pause: Duration,
        /// Who holds locks on its tables, in words.
        holders: &'a [String],
    },
    /// An invalid index that an earlier attempt had left was dropped.
    DroppedInvalid {
        /// The migration that builds it.
        file: &'a MigrationFile,
        /// Its name, quoted.
        index: &'a str,
    },
    /// The connection was lost at COMMIT; a new one found out what became of it.
    Resolved {
        /// The migration.
        file: &'a MigrationFile,
        /// Whether the history has it.
        applied: bool,
    },
    /// A migration is applied.
    Applied {
        /// The migration.
        file: &'a MigrationFile,
        /// How.
        applied: &'a AppliedNow,
    },
}

/// A migration this run applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppliedNow {
    /// The version.
    pub version: i32,
    /// The file.
    pub file: String,
    /// How long it took, in milliseconds, with all attempts and pauses.
    pub duration_ms: u64,
    /// How many attempts it took to get its locks.
    pub attempts: u32,
    /// Whether the connection was lost at COMMIT, and the history has it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resolved: bool,
    /// The locks it held on what was there before, the strongest first, where they were asked for; of a migration outside
    /// of a transaction nothing is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<HeldLock>,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UpReport {
    /// What was made before the first migration.
    pub prepared: Vec<String>,
    /// What was applied, in order.
    pub applied: Vec<AppliedNow>,
    /// How many were there before.
    pub already: usize,
}

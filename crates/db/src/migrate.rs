//! Migrations: versioned SQL files, applied once each, in order, under a lock.
//!
//! refinery keeps the history and the checksums. What it leaves open is here: names are strict, one runner works at a
//! time, each file runs as the owner it names, what must exist before the first one is made, and a history that
//! somebody edited is an error instead of a panic.

mod error;
mod file;
mod history;
mod lock;
mod lock_watch;
mod prepare;
mod runner;
mod set;
mod statements;
mod status;

pub use error::MigrateError;
pub use file::{MigrationFile, RunAs};
pub use history::{Entry, State};
pub use lock_watch::{HeldLock, LockMode, LockWatch};
pub use prepare::{OWNERS, POLICY_ROLES};
pub use runner::{AppliedNow, UpOptions, UpReport, up};
pub use set::MigrationSet;
pub use status::{StatusReport, status};

/// Where the history is kept: refinery's columns, and who and how long beside them.
pub(crate) const HISTORY: &str = "ops.schema_history";

//! Migrations: versioned SQL files, applied once each, in order, under a lock.
//!
//! refinery keeps the history and the checksums. What it leaves open is here: names are strict, one runner works at a
//! time, each file runs as the owner it names, what must exist before the first one is made, and a history that
//! somebody edited is an error instead of a panic.

mod alone;
mod apply;
mod baseline;
mod calm;
mod creates;
mod destructive;
mod error;
mod file;
mod header;
mod held;
mod history;
mod keeper;
mod lint;
mod lock;
mod lock_mode;
mod log;
mod name;
mod parsed;
mod plan;
mod prepare;
mod repair;
mod report;
mod rollback;
mod rules;
mod runner;
mod set;
mod status;
mod targets;
mod verify;

pub use baseline::{BaselineReport, baseline};
pub use creates::{Allowed, Created};
pub use error::MigrateError;
pub use file::{MigrationFile, Script};
pub use header::RunAs;
pub use held::HeldLock;
pub use history::{Entry, State};
pub use lint::Finding;
pub use lock_mode::LockMode;
pub use plan::{PlanReport, Planned, PlannedLock, plan};
pub use prepare::{OWNERS, POLICY_ROLES};
pub use repair::{Repair, RepairPlan, RepairStep, plan_repair, repair};
pub use report::{AppliedNow, Event, UpOptions, UpReport};
pub use rollback::{RollbackPlan, Undo, Way, down, plan_rollback};
pub use rules::Broken;
pub use runner::up;
pub use set::MigrationSet;
pub use status::{StatusReport, has_tables, status};
pub use verify::{ScriptResult, VerifyReport, verify};

pub(crate) use calm::calm;
pub(crate) use keeper::Keeper;

use crate::TableName;

/// Where the history is kept: refinery's columns, and who and how long beside them.
pub(crate) const HISTORY: &str = "ops.schema_history";

/// Where the log is kept: what was tried, by whom, from where, with what.
pub(crate) const LOG: &str = "ops.migration_log";

/// Whether a table is the runner's own: what each migration writes, and none is about.
pub fn is_record(table: &TableName) -> bool {
    [HISTORY, LOG].contains(&table.to_string().as_str())
}

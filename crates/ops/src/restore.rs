//! Restoring: a stored backup into a server.

mod checks;
mod chosen;
mod copy_script;
mod globals;
mod graph;
mod into;
mod into_plan;
mod load;
mod open;
mod owners;
mod partitions;
mod roles;
mod rows;
mod schedule;
mod stream;
mod toc;
mod unfinished;

pub use chosen::{ChosenPlan, ChosenTable, ChosenTables};
pub(crate) use globals::{created_roles, named_roles, unquoted};
pub use into::{IntoServer, Restored};
pub use into_plan::{Existing, IntoPlan, Roles};
pub use load::{LeaveOut, LoadAs, Loaded, Restore};
pub use open::OpenBackup;
pub(crate) use partitions::Partitions;
pub(crate) use toc::SequenceValue;

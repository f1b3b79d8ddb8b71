//! Drills: a backup restored on a scratch server and compared with its facts, until nothing is left to believe.

pub(crate) mod compare;
mod copy;
mod proof;
mod run;
mod schema;

pub(crate) use compare::chain;
pub use compare::{Compared, Comparison};
pub use copy::RestoredCopy;
pub(crate) use copy::chosen;
pub(crate) use proof::is_record;
pub use proof::{DrillRecord, Outcome, list};
pub use run::{DrillOptions, run};

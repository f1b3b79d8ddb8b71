//! Drills: a backup restored on a scratch server and compared with its facts, until nothing is left to believe.

pub(crate) mod compare;
mod copy;
mod proof;
mod rto;
mod run;
mod schema;

pub(crate) use compare::chain;
pub use compare::{Compared, Comparison};
pub use copy::RestoredCopy;
pub(crate) use copy::chosen;
pub use proof::{DrillRecord, Outcome, list};
pub(crate) use proof::{is_record, judged, names, read, sound};
pub use rto::Rto;
pub use run::{DrillOptions, run};

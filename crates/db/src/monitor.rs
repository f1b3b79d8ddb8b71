//! What a server says of its health, judged.
//!
//! Three steps, each a value that can be kept: [`collect()`] asks and writes down what came ([`Recording`]), [`judge()`] says what
//! it means (pure: the same recording and thresholds give the same [`Report`], years later too), and the program shows it.
//! What could not be seen is a state of its own, never a zero and never an empty table.

mod check;
mod checks;
mod collect;
mod judge;
mod sample;
mod state;
mod verdict;

pub use check::{Check, Needs, Threshold, Thresholds, Unit};
pub use checks::{all, find};
pub use collect::{Limits, collect};
pub use judge::{Judged, Report, judge};
pub use sample::{Facts, Outcome, Recorded, Recording, Row, Sample, Unreadable, Value};
pub use state::State;
pub use verdict::{Action, Cell, Column, Item, Metric, Verdict};

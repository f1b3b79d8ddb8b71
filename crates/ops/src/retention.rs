//! Retention: which backups stay, which may go, and when nothing is removed at all.
//!
//! [`judge()`] is pure: backups in, a line for each out, the time passed in. It keeps what restic's rules keep
//! (`keep-last … keep-tag`: calendar periods, the newest of each, any rule is enough), and on top of that what no rule may take
//! away: the newest, the newest proven ones, what is pinned, what cannot be read. [`Hold`] says why nothing goes.
//! [`read()`] brings the backups of a store, [`remove()`] does what was planned.

mod counts;
mod hold;
mod judge;
mod keep;
mod period;
mod pin;
mod policy;
mod read;
mod reason;
mod remove;
mod within;

pub use counts::{Fall, FallKind, Judgement};
pub use hold::{Hold, HoldKind};
pub use judge::{Asked, GroupPlan, Line, Verdict, judge};
pub use period::Period;
pub use pin::Pin;
pub use policy::{Count, Policy, PolicyError, Rules, Share, ShareError};
pub use read::{Candidate, Found, Group, Unreadable, read, read_copy, slugs};
pub use reason::{Reason, Rule};
pub use remove::{Fate, Removal, remove};
pub use within::{Within, WithinError};

/// Whether a file beside a backup's own is one of retention's.
pub(crate) fn is_beside(name: &str) -> bool {
    [pin::PIN, counts::JUDGED].contains(&name)
}

#[cfg(test)]
mod tests;

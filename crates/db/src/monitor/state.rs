//! What a check found out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a check found out; the greater, the worse, for a summary of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Looked at, and nothing is wrong.
    Ok,
    /// This server cannot be asked that: its version or an extension is missing. Nothing is known, and nothing will be.
    Unsupported,
    /// There was nothing to judge by, such as counters nobody has counted yet. Nothing is known now.
    NoData,
    /// The login may not see it, in whole or in part. Nothing is known until somebody grants it.
    NotPermitted,
    /// Will be a problem.
    Warning,
    /// Is a problem.
    Critical,
}

impl State {
    /// Every state, best first.
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::Unsupported, Self::NoData, Self::NotPermitted, Self::Warning, Self::Critical];

    /// Returns its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unsupported => "unsupported",
            Self::NoData => "no-data",
            Self::NotPermitted => "not-permitted",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

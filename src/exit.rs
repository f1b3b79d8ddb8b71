//! Exit codes: what a script may rely on.

use std::process::ExitCode;

/// How the program ended. The numbers are documented in the README and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, and nothing wrong was found.
    Done = 0,
    /// It could not be done.
    Failed = 1,
    /// The command line was wrong; nothing was started.
    Usage = 2,
    /// The configuration was wrong; nothing was started.
    Config = 3,
    /// It ran, and the answer is bad: a drill failed, counts differ, a threshold is passed.
    Bad = 4,
    /// The backup is complete, a later step failed: prune, copy, hook, drill.
    Later = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

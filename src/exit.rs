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

impl Exit {
    /// Returns the code of a command that worked on several databases: theirs where they agree, [`Exit::Later`] where no more
    /// than a later step failed, else [`Exit::Failed`].
    pub(crate) fn of_all(exits: impl IntoIterator<Item = Self>) -> Self {
        let agree = |one, other| match (one, other) {
            (one, other) if one == other => one,
            (Self::Done | Self::Later, Self::Done | Self::Later) => Self::Later,
            _ => Self::Failed,
        };
        exits.into_iter().reduce(agree).unwrap_or(Self::Done)
    }

    /// Returns the code of the same thing, when a step after it failed.
    pub(crate) fn after_later(self) -> Self {
        if self == Self::Done { Self::Later } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixed_answer_is_a_failure() {
        assert_eq!(Exit::of_all([Exit::Done, Exit::Done]), Exit::Done);
        assert_eq!(Exit::of_all([Exit::Bad, Exit::Bad]), Exit::Bad);
        assert_eq!(Exit::of_all([Exit::Done, Exit::Bad]), Exit::Failed);
        assert_eq!(Exit::of_all([Exit::Done, Exit::Config]), Exit::Failed);
        assert_eq!(Exit::of_all([Exit::Done, Exit::Later]), Exit::Later);
        assert_eq!(Exit::of_all([Exit::Later, Exit::Failed]), Exit::Failed);
        assert_eq!(Exit::of_all([]), Exit::Done);
    }
}

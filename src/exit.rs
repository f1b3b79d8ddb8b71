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
    #[expect(dead_code, reason = "promised to scripts; no command has a later step yet")]
    Later = 5,
}

impl Exit {
    /// Returns the code of a command that worked on several databases: theirs where they agree, else [`Exit::Failed`].
    pub(crate) fn of_all(exits: impl IntoIterator<Item = Self>) -> Self {
        let mut exits = exits.into_iter();
        let first = exits.next().unwrap_or(Self::Done);
        if exits.all(|exit| exit == first) { first } else { Self::Failed }
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
        assert_eq!(Exit::of_all([]), Exit::Done);
    }
}

//! A failure as a person reads it: what failed and why, the newest proven backup, what to type next.
//!
//! A library's error becomes a [`Failure`] by `?` ([`Exit::Failed`]), and better by the methods of [`Explain`]:
//! `store.list().hint("Name another store with --store.")?`, `.exit(Exit::Config)?`.

use std::error::Error;
use std::fmt;

use crate::exit::Exit;
use crate::explain;

/// Why a command ended early, with what its reader needs next.
///
/// It is no `std::error::Error` itself, so that every error can be turned into one.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the program exits with.
    pub(crate) exit: Exit,
    /// What failed; its sources say why.
    pub(crate) error: Box<dyn Error + Send + Sync>,
    /// Full sentences with the flag, file or command to use; the last one is what to type next.
    pub(crate) hints: Vec<String>,
    /// The newest proven backup, for commands that know the store.
    pub(crate) newest_proven: Option<String>,
}

impl Failure {
    /// Returns a failure to do something, as [`Exit::Failed`].
    pub(crate) fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { exit: Exit::Failed, error: error.into(), hints: Vec::new(), newest_proven: None }
    }

    /// Returns a wrong command line.
    pub(crate) fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { exit: Exit::Usage, ..Self::new(error) }
    }

    /// Returns a wrong configuration.
    pub(crate) fn config(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { exit: Exit::Config, ..Self::new(error) }
    }

    /// Returns the failure with another exit code.
    pub(crate) fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Returns the failure with one more hint: a full sentence.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Returns the failure with the newest proven backup, or what stands for it: "none".
    pub(crate) fn newest_proven(mut self, backup: impl Into<String>) -> Self {
        self.newest_proven = Some(backup.into());
        self
    }

    /// Returns the causes below the error, outermost first.
    pub(crate) fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut next = self.error.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        causes
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let hints = explain::next_step(&error).into_iter().collect();
        Self { hints, ..Self::new(error) }
    }
}

/// Adds to a failed result what the library could not know.
pub(crate) trait Explain<T> {
    /// Returns the failure with a hint: a full sentence with the flag, file or command to use.
    fn hint(self, hint: impl fmt::Display) -> Result<T, Failure>;
    /// Returns the failure with this exit code.
    fn exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> Explain<T> for Result<T, E> {
    fn hint(self, hint: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| error.into().hint(hint.to_string()))
    }

    fn exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| error.into().exit(exit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read() -> Result<(), std::io::Error> {
        Err(std::io::Error::new(std::io::ErrorKind::NotFound, "no such file"))
    }

    #[test]
    fn an_error_of_a_library_becomes_a_failure_with_hint_and_code() {
        let failure = read().exit(Exit::Bad).hint("Name another file.").unwrap_err();
        assert_eq!(failure.exit, Exit::Bad);
        assert_eq!(failure.error.to_string(), "no such file");
        assert_eq!(failure.hints, ["Name another file."]);
    }

    #[test]
    fn a_question_mark_is_enough() {
        let failure = (|| -> Result<(), Failure> { Ok(read()?) })().unwrap_err();
        assert_eq!(failure.exit, Exit::Failed);
    }
}

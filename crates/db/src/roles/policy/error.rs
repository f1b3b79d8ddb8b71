//! What is wrong with a policy.

use std::fmt;

use thiserror::Error;

/// One thing that is wrong. No password is repeated in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}:{line}: {message}")]
pub struct PolicyError {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there, and what would be right.
    pub message: String,
}

/// All that is wrong with a policy, in the order of its lines; at least one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct PolicyErrors(pub Vec<PolicyError>);

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.0.iter().enumerate() {
            let line_feed = if place == 0 { "" } else { "\n" };
            write!(f, "{line_feed}{error}")?;
        }
        Ok(())
    }
}

//! What can be wrong with a configuration. No value is ever repeated in an error, for it may hold a password.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::Source;
use crate::failure::Failure;

/// The configuration cannot be used.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    #[error("could not read the configuration {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("the configuration {path} belongs to another user")]
    Untrusted { path: PathBuf },
    #[error("{path}, line {line}: {message}")]
    Syntax { path: PathBuf, line: usize, message: String },
    #[error("unknown key {key} ({origin})")]
    Unknown { key: String, origin: Source, nearest: Option<String> },
    #[error("unknown variable {name}")]
    UnknownVariable { name: String, nearest: Option<String> },
    #[error("the variable {name} is not valid UTF-8")]
    NotText { name: String },
    #[error("{key} is {found}, expected {expected} ({origin})")]
    Type { key: String, origin: Source, expected: &'static str, found: &'static str },
    #[error("{key}: {reason} ({origin})")]
    Value { key: String, origin: Source, reason: String },
    #[error("a database's name has letters, digits, \"-\" and \"_\" only ({origin})")]
    DatabaseName { origin: Source },
}

impl SettingsError {
    /// Returns the failure a person reads, with what to do about it.
    pub(crate) fn into_failure(self) -> Failure {
        let hint = match &self {
            Self::Unknown { nearest: Some(nearest), .. }
            | Self::UnknownVariable { nearest: Some(nearest), .. } => {
                format!("Did you mean {nearest}?")
            }
            Self::Read { .. } => {
                "Name a configuration with --config, or leave it out to use the defaults.".into()
            }
            Self::Untrusted { path } => {
                format!("Look at it, and name it with --config {} if you trust it.", path.display())
            }
            _ => "config.example.toml describes every key.".into(),
        };
        Failure::config(self).hint(hint)
    }
}

//! Where a value came from.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// The place a setting was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Source {
    /// Nobody said anything else.
    Default,
    /// A line of the configuration file, counted from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line of the key.
        line: usize,
    },
    /// An environment variable.
    Variable {
        /// Its name.
        name: String,
    },
}

impl Source {
    /// Returns the kind of place, with the line of a file.
    pub(crate) fn short(&self) -> String {
        match self {
            Self::Default => "default".into(),
            Self::File { line, .. } => format!("line {line}"),
            Self::Variable { .. } => "variable".into(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Variable { name } => f.write_str(name),
        }
    }
}

//! What can be wrong with the description of a connection.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// The description of a connection cannot be used.
///
/// No variant carries a value that could be a password, or a piece of one that was left unquoted.
#[derive(Debug, Error)]
pub enum ConninfoError {
    /// The text is neither a URL nor `key=value` pairs.
    #[error("could not read the connection string: {0}")]
    Syntax(String),
    /// A word libpq does not know either.
    #[error("unknown connection parameter \"{name}\"{}", nearest.map(|n| format!(", did you mean \"{n}\"?")).unwrap_or_default())]
    UnknownKeyword {
        /// The word.
        name: String,
        /// The known word closest to it.
        nearest: Option<&'static str>,
    },
    /// A value its parameter does not take.
    #[error("invalid value for connection parameter \"{keyword}\": {reason}")]
    Value {
        /// The parameter.
        keyword: &'static str,
        /// What it takes instead.
        reason: String,
    },
    /// libpq could do this and we cannot; ignoring it would give a connection other than the one asked for.
    #[error("connection parameter \"{keyword}\" is not supported{}", if *.any { "" } else { " with this value" })]
    Unsupported {
        /// The parameter.
        keyword: &'static str,
        /// Whether no value of it is supported.
        any: bool,
    },
    /// A service was named that no service file defines.
    #[error("definition of service \"{0}\" not found")]
    ServiceNotFound(String),
    /// A line of a service file is wrong.
    #[error("could not read line {line} of service file {}: {reason}", path.display())]
    ServiceLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A file the description names could not be read.
    #[error("could not read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Nobody said who is connecting.
    #[error("no user name given, and the system user's name is unknown")]
    NoUser,
}

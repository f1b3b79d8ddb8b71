//! What can go wrong with migrations.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::DbError;

/// Migrations could not be read, compared or applied.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The directory or a file in it could not be read.
    #[error("could not read {path}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not called `V0001__name.sql`.
    #[error("{file} is not named like a migration: {reason}")]
    Name {
        /// The file's name.
        file: String,
        /// What about it.
        reason: &'static str,
    },
    /// A file's text cannot be used.
    #[error("{file} is not a migration: {reason}")]
    Text {
        /// The file's name.
        file: String,
        /// What about it.
        reason: String,
    },
    /// Two files have the same version.
    #[error("{first} and {second} have the same version")]
    Duplicate {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// An applied file was changed afterwards.
    #[error("{file} was changed after it was applied")]
    Edited {
        /// The file's name.
        file: String,
    },
    /// The database has a migration these files have not: they are older than it, or from another branch.
    #[error("the database has migration {version} ({name}), which this program does not know")]
    Unknown {
        /// Its version.
        version: i32,
        /// Its name in the history.
        name: String,
    },
    /// A file came late: a later version is applied already.
    #[error("{file} is not applied, but version {applied} is: versions go up")]
    OutOfOrder {
        /// The file's name.
        file: String,
        /// The highest applied version.
        applied: i32,
    },
    /// The history table holds something no runner writes.
    #[error("ops.schema_history cannot be trusted: {problem}")]
    History {
        /// The row and what is wrong with it.
        problem: String,
    },
    /// The login lacks rights that the first step needs.
    #[error("{login} may not prepare the database for migrations")]
    NotPermitted {
        /// The login role.
        login: String,
        /// What a superuser has to run first, one statement each.
        sql: Vec<String>,
    },
    /// Another runner kept the lock.
    #[error("another session is migrating this database ({holder}); waited {} s", waited.as_secs())]
    Locked {
        /// Who holds the lock, as far as it can be seen.
        holder: String,
        /// How long was waited.
        waited: Duration,
    },
    /// A migration failed; its transaction was rolled back.
    #[error("could not apply {file}{}", line.map(|n| format!(" (line {n})")).unwrap_or_default())]
    Apply {
        /// The file's name.
        file: String,
        /// The line the server complained about, counted from 1.
        line: Option<usize>,
        /// The files this run had applied before; they stay.
        applied: Vec<String>,
        /// What the server said.
        source: tokio_postgres::Error,
    },
    /// The migration engine refused.
    #[error("could not apply {file}")]
    Engine {
        /// The file's name.
        file: String,
        /// Its reason.
        source: refinery_core::Error,
    },
    /// The server could not be asked.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl MigrateError {
    /// Returns the error as a [`DbError`], where it is one.
    pub fn as_db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            _ => None,
        }
    }
}

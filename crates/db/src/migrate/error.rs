//! What can go wrong with migrations.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::Broken;
use crate::DbError;
use crate::error::ServerError;
use crate::snapshot::SnapshotError;

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
    /// A verify or down script whose migration is not there.
    #[error("{file} belongs to no migration")]
    Orphan {
        /// The script's name.
        file: String,
    },
    /// Pending migrations break rules; nothing was applied.
    #[error("{}", first(.0))]
    Rules(
        /// Each of them, in order of files and lines.
        Vec<Broken>,
    ),
    /// The connection goes through a transaction pooler, where the lock would be anybody's.
    #[error(transparent)]
    Pooler(SnapshotError),
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
    /// A baseline is for a version there is.
    #[error("there is no migration of version {version}")]
    NoSuchVersion {
        /// What was asked for.
        version: i32,
    },
    /// A baseline is for a database without a history.
    #[error("the database has a history: {rows} migrations, the last is version {last}")]
    HasHistory {
        /// How many it has.
        rows: usize,
        /// The highest version.
        last: i32,
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
    #[error("could not apply {file}{}", at_line(*line))]
    Apply {
        /// The file's name.
        file: String,
        /// The line the server complained about, counted from 1.
        line: Option<usize>,
        /// The files this run had applied before; they stay.
        applied: Vec<String>,
        /// Who held locks on its tables, in words, where that was the reason.
        holders: Vec<String>,
        /// What the server said.
        source: ServerError,
    },
    /// A file ended the transaction it ran in: what it did until then stays, and is in no history.
    #[error("{file} ended its own transaction: half of it may be applied, and nothing is recorded")]
    Left {
        /// The file's name.
        file: String,
    },
    /// What a migration did is not what its verify script expects; its transaction was rolled back.
    #[error("{file} was rolled back: {script}, line {line}, found {}", rows.join("; "))]
    Unverified {
        /// The migration's file.
        file: String,
        /// The verify script.
        script: String,
        /// The line of the query that returned rows, from 1.
        line: usize,
        /// Some of the rows, in words.
        rows: Vec<String>,
    },
    /// A migration that runs outside of a transaction failed; what it had done stays.
    #[error("could not apply {file}{}, which runs outside of a transaction{}", at_line(*line), left(invalid))]
    HalfDone {
        /// The file's name.
        file: String,
        /// The line the server complained about, counted from 1.
        line: Option<usize>,
        /// The invalid indexes it left, quoted.
        invalid: Vec<String>,
        /// What the server said.
        source: ServerError,
    },
    /// The connection was lost while a migration was committed; the server did not commit it.
    #[error("the connection was lost at the COMMIT of {file}: it was not applied")]
    Lost {
        /// The file's name.
        file: String,
        /// How the connection ended.
        source: ServerError,
    },
    /// The connection was lost, and what became of a migration could not be found out.
    #[error("the connection was lost: whether {file} was applied is not known")]
    Unresolved {
        /// The file's name.
        file: String,
        /// How the connection ended.
        source: ServerError,
    },
    /// A down script failed; its transaction was rolled back.
    #[error("could not take it back by {file}{}", at_line(*line))]
    Down {
        /// The script.
        file: String,
        /// The line the server complained about, counted from 1.
        line: Option<usize>,
        /// What the server said.
        source: ServerError,
    },
    /// Nothing is applied that a rollback would take back.
    #[error("nothing above version {to} is applied")]
    NothingToRollBack {
        /// The version that was to be gone back to.
        to: i32,
    },
    /// A repair was asked for that the history does not need, or that would hide something.
    #[error("version {version} is not repaired: {reason}")]
    NotRepaired {
        /// The version that was named.
        version: i32,
        /// Why not.
        reason: String,
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

/// The rest is in the error itself, for whoever shows it.
fn first(broken: &[Broken]) -> String {
    let more = match broken.len() {
        0 | 1 => String::new(),
        n => format!("; and {} more", n - 1),
    };
    broken.first().map(ToString::to_string).unwrap_or_default() + &more
}

fn at_line(line: Option<usize>) -> String {
    line.map(|n| format!(" (line {n})")).unwrap_or_default()
}

fn left(invalid: &[String]) -> String {
    match invalid {
        [] => String::new(),
        names => format!("; it left an invalid index: {}", names.join(", ")),
    }
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

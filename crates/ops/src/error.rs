//! What can go wrong with files, processes and backups.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use thiserror::Error;
use unisys_db::DbError;
use unisys_db::run_lock::RunLockError;

use crate::backup::BackupId;
use crate::doctor::size;
use crate::store::Fault;

/// Something a DBA does to files or processes failed.
#[derive(Debug, Error)]
pub enum OpsError {
    /// A file or directory could not be used.
    #[error("could not {doing} {}", path.display())]
    Io {
        /// What was being done, as an infinitive phrase: "write", "rename".
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A program that is needed is not installed, or not in a version that serves.
    #[error("{0}")]
    ProgramMissing(String),
    /// A program could not be started.
    #[error("could not start {program}")]
    Spawn {
        /// The program.
        program: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("{program} failed ({status}){}", tail(.stderr))]
    Program {
        /// The program.
        program: String,
        /// Its exit status.
        status: ExitStatus,
        /// The last lines it wrote to stderr.
        stderr: String,
    },
    /// A program took too long and was ended.
    #[error("{program} did not end within {} s and was stopped", limit.as_secs())]
    TimedOut {
        /// The program.
        program: String,
        /// How long it was given.
        limit: std::time::Duration,
    },
    /// A message could not be handed on. Neither holds a secret: of an address, only the host is named.
    #[error("could not reach {to}: {reason}")]
    Unreached {
        /// Whom.
        to: String,
        /// Why not.
        reason: String,
    },
    /// No system user of that name.
    #[error("the system user {0:?} does not exist")]
    NoSuchUser(String),
    /// The port is taken by something else.
    #[error("port {port} on 127.0.0.1 is in use")]
    PortBusy {
        /// The port.
        port: u16,
    },
    /// A key is not what it should be. Never holds a secret.
    #[error("{0}")]
    Key(String),
    /// There is no key to open a backup with.
    #[error("there is no identity to open {0} with")]
    NoIdentity(crate::backup::BackupId),
    /// A key needs a program that is not there.
    #[error("a key needs {program}, which is not on the PATH")]
    PluginMissing {
        /// The program: `age-plugin-…`.
        program: String,
    },
    /// A file of a backup could not be encrypted.
    #[error("could not encrypt {name}: {reason}")]
    Seal {
        /// The file's name in the backup.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A file of a backup could not be written to the store.
    #[error("could not write {name} to the store")]
    Write {
        /// The file's name in the backup.
        name: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A stored file could not be read back: damaged, cut, exchanged, or sealed for other keys.
    #[error("could not open {name}: {reason}")]
    Open {
        /// The file's name in the backup.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A backup, or the store it is in, is not what it claims to be.
    #[error("{0}")]
    Corrupt(String),
    /// A file of a backup is not signed as it must be.
    #[error("{file} cannot be trusted: {reason}")]
    Signature {
        /// The signed file's name in the backup.
        file: String,
        /// What is wrong with its signature.
        reason: String,
    },
    /// A backup is of a format this build does not know yet.
    #[error(
        "{what} is of format {format}, this program reads up to format {}; use a newer one",
        crate::backup::FORMAT
    )]
    NewerFormat {
        /// The backup.
        what: String,
        /// Its format.
        format: u32,
    },
    /// A store, a backup or a setting does not allow what was asked.
    #[error("{0}")]
    Refused(String),
    /// A backup made by this login would not be complete.
    #[error("a backup would not be complete: {what}")]
    Incomplete {
        /// What it would lack.
        what: String,
        /// What to do about it, in one line.
        repair: Option<String>,
    },
    /// A standby cannot be read instead of its primary.
    #[error(transparent)]
    Standby(unisys_db::standby::StandbyError),
    /// No moment of the database could be held.
    #[error(transparent)]
    Snapshot(unisys_db::snapshot::SnapshotError),
    /// The session that held the moment of a backup ended before the backup was complete.
    #[error("lost the session that held the backup's moment; what was read cannot be completed")]
    MomentLost,
    /// A store has not enough room.
    #[error("{location} has {} free, and about {} are needed", size(*.free), size(*.needed))]
    NoRoom {
        /// The store.
        location: String,
        /// What is free, in bytes.
        free: u64,
        /// What is needed, in bytes.
        needed: u64,
    },
    /// A bucket did not do what was asked of it.
    #[error("could not {doing} {what}: {reason}")]
    Bucket {
        /// What was asked, as an infinitive phrase: "write", "list".
        doing: &'static str,
        /// Of which object, as `s3://bucket/key`.
        what: String,
        /// Why not, for the program.
        fault: Fault,
        /// Why not, for people: the server's own words where it had any.
        reason: String,
    },
    /// A backup cannot be removed now.
    #[error("{backup} in {location} is in use by another process, such as a drill or a restore")]
    InUse {
        /// The backup.
        backup: BackupId,
        /// The store.
        location: String,
    },
    /// The right to back up the database, which the server gives to one run at a time, was not got or was lost.
    #[error(transparent)]
    RunLock(RunLockError),
    /// A limit of the backup's was passed.
    #[error("{0}; it was stopped, and nothing of it was kept")]
    Limit(String),
    /// Another run holds the lock.
    #[error("another run of {what} holds the lock {}", path.display())]
    Locked {
        /// What the other run works on.
        what: String,
        /// The lock file.
        path: PathBuf,
    },
    /// Talking to PostgreSQL failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<RunLockError> for OpsError {
    fn from(error: RunLockError) -> Self {
        match error {
            RunLockError::Db(error) => Self::Db(error),
            RunLockError::Snapshot(error) => Self::Snapshot(error),
            held => Self::RunLock(held),
        }
    }
}

impl OpsError {
    /// Returns a function that wraps a system error with what was being done to which file.
    pub fn io(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.as_ref().to_owned(), source }
    }

    /// Returns that a stored file is not there: its backup is damaged.
    pub(crate) fn missing(name: &str) -> Self {
        Self::Open { name: name.to_owned(), reason: "it is missing".into() }
    }

    /// Returns that a program asked something and nobody was there to answer.
    pub(crate) fn nobody_to_ask(program: &str, question: &str) -> Self {
        Self::Key(format!("{program} asks {question:?}, and there is no terminal to ask on"))
    }
}

/// The programs that read a backup or its copy; what others say is about the place.
const READERS: [&str; 2] = ["pg_restore", "pg_dump"];

/// What those programs say when it was not what they read that failed: the disk, the server, the connection. Scratch servers
/// speak English.
const ACCIDENTS: [&str; 6] = [
    "No space left on device",
    "server closed the connection unexpectedly",
    "terminating connection due to",
    "the database system is",
    "could not connect to server",
    "connection to server",
];

impl OpsError {
    /// Whether this tells something about the backup: it could not be decrypted, restored or understood. What tells about the
    /// place instead (a busy port, a full disk, a missing program, a lost connection) does not.
    pub fn blames_the_backup(&self) -> bool {
        match self {
            Self::Open { .. } | Self::Corrupt(_) | Self::Signature { .. } => true,
            Self::Program { program, status, stderr } => {
                READERS.contains(&program.as_str())
                    && status.code().is_some()
                    && !ACCIDENTS.iter().any(|accident| stderr.contains(accident))
            }
            Self::Db(error) => {
                // class 53: insufficient resources, 57: operator intervention, 58: system error
                error.sqlstate().is_some_and(|state| !["53", "57", "58"].contains(&&state.code()[..2]))
            }
            Self::Io { .. }
            | Self::ProgramMissing(_)
            | Self::Spawn { .. }
            | Self::TimedOut { .. }
            | Self::Unreached { .. }
            | Self::NoSuchUser(_)
            | Self::PortBusy { .. }
            | Self::Key(_)
            | Self::NoIdentity(_)
            | Self::PluginMissing { .. }
            | Self::Seal { .. }
            | Self::Write { .. }
            | Self::Refused(_)
            | Self::NewerFormat { .. }
            | Self::Incomplete { .. }
            | Self::Standby(_)
            | Self::Snapshot(_)
            | Self::MomentLost
            | Self::InUse { .. }
            | Self::Bucket { .. }
            | Self::NoRoom { .. }
            | Self::RunLock(_)
            | Self::Limit(_)
            | Self::Locked { .. } => false,
        }
    }
}

/// What libpq's programs say in English when their connection is gone.
const LOST: [&str; 6] = [
    "server closed the connection unexpectedly",
    "connection has been closed unexpectedly",
    "could not receive data from server",
    "could not send data to server",
    "connection not open",
    "terminating connection due to administrator command",
];

impl OpsError {
    /// Whether a connection to PostgreSQL broke, ours or a program's: what was being done may work over a new one.
    pub(crate) fn is_connection_lost(&self) -> bool {
        match self {
            Self::Db(error) => error.is_connection_lost(),
            Self::Program { stderr, .. } => LOST.iter().any(|lost| stderr.contains(lost)),
            _ => false,
        }
    }
}

/// Returns a program's last words, on lines of their own.
fn tail(stderr: &str) -> String {
    if stderr.trim().is_empty() { String::new() } else { format!(":\n{}", stderr.trim_end()) }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[rstest::rstest]
    #[case("pg_restore", 1 << 8, "ERROR:  relation \"a\" does not exist", true)]
    #[case("pg_restore", 9, "", false)]
    #[case("pg_restore", 1 << 8, "could not extend file: No space left on device", false)]
    #[case("pg_restore", 1 << 8, "server closed the connection unexpectedly", false)]
    #[case("pg_restore", 1 << 8, "connection to server on socket \"/x\" failed: No such file", false)]
    #[case("initdb", 1 << 8, "could not create shared memory", false)]
    #[case("postgres", 1 << 8, "could not create shared memory", false)]
    fn a_program_that_fails_tells_about_the_backup_or_about_the_place(
        #[case] program: &str,
        #[case] status: i32,
        #[case] stderr: &str,
        #[case] blames: bool,
    ) {
        let status = ExitStatus::from_raw(status);
        let error = OpsError::Program { program: program.into(), status, stderr: stderr.into() };
        assert_eq!(error.blames_the_backup(), blames);
    }
}

//! Stores: where backups are kept. A backup is complete or it is not there at all.

mod directory;
mod identity;
mod place;
mod s3;

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::OpsError;
use crate::backup::BackupId;

pub use directory::DirectoryStore;
pub(crate) use directory::{standing, write_atomically};
pub use place::{BucketPlace, Place};
pub use s3::{AwsSources, Credentials, Fault, FoundBucket, S3Options, S3Store, S3Wishes};

/// What the names of the history's files begin with, before people and in the store.
const HISTORY: &str = "history";

/// The name of the file that is written last into a backup.
pub(crate) const MANIFEST: &str = "manifest.json";

/// A place for backups: a directory or a bucket.
///
/// The methods wait for disk or network; where that must not hold others up, call them on a thread of their own.
pub trait Store: fmt::Debug + Send + Sync {
    /// Returns the store once more, to be kept by what outlives the caller.
    fn shared(&self) -> Arc<dyn Store>;

    /// Returns where it is, for people: the directory, or `s3://bucket/prefix`.
    fn location(&self) -> String;

    /// Returns where a backup is, for people.
    fn location_of(&self, id: &BackupId) -> String;

    /// Returns the complete backups, in no order, each with a mark of its state.
    ///
    /// # Errors
    /// [`OpsError`] when the store cannot be listed; one that does not exist yet holds none.
    fn versions(&self) -> Result<Vec<Version>, OpsError>;

    /// Returns the names of the complete backups, in no order.
    ///
    /// # Errors
    /// [`OpsError`] when the store cannot be listed; one that does not exist yet holds none.
    fn ids(&self) -> Result<Vec<BackupId>, OpsError>;

    /// Whether a complete backup of this name is there.
    ///
    /// # Errors
    /// [`OpsError`] when the store cannot be asked.
    fn contains(&self, id: &BackupId) -> Result<bool, OpsError>;

    /// Opens a stored file of a backup.
    ///
    /// # Errors
    /// [`OpsError::Open`] when it is missing: the backup is damaged. Others tell about the store.
    fn read(&self, id: &BackupId, name: &str) -> Result<Box<dyn Read + Send>, OpsError>;

    /// Reads a small file of a backup whole; `None` where it does not exist.
    ///
    /// # Errors
    /// [`OpsError`] when the store cannot be read.
    fn read_small(&self, id: &BackupId, name: &str) -> Result<Option<Vec<u8>>, OpsError>;

    /// Returns the names of all files of a backup, with `/` between directories, in no order.
    ///
    /// # Errors
    /// [`OpsError`] when the store cannot be listed.
    fn names(&self, id: &BackupId) -> Result<Vec<String>, OpsError>;

    /// Returns the names, sorted, of the files that stand beside a backup's own and start with `prefix`.
    ///
    /// # Errors
    /// [`OpsError`] when the store cannot be listed.
    fn names_beside(&self, id: &BackupId, prefix: &str) -> Result<Vec<String>, OpsError>;

    /// Writes a small file beside a complete backup, such as a proof; whole or not at all. One of that name is replaced.
    ///
    /// # Errors
    /// [`OpsError`] when the store does not take it.
    fn write_beside(&self, id: &BackupId, name: &str, content: &[u8]) -> Result<(), OpsError>;

    /// Removes a file beside a complete backup; one that is not there is no error.
    ///
    /// # Errors
    /// [`OpsError`] when the store does not remove it.
    fn remove_beside(&self, id: &BackupId, name: &str) -> Result<(), OpsError>;

    /// Removes a backup. It is never listed half removed: it stops to exist before its files go, and what an interruption
    /// leaves of them goes with the next [`Store::lock`] of its database.
    ///
    /// # Errors
    /// [`OpsError::InUse`] while somebody holds it; others when the store does not remove it.
    fn remove(&self, id: &BackupId) -> Result<(), OpsError>;

    /// Takes the right to write and remove backups of `database`, and removes what a killed run of it left.
    ///
    /// # Errors
    /// [`OpsError::Locked`] while another run has it.
    fn lock(&self, database: &str) -> Result<StoreLock, OpsError>;

    /// Protects a backup from removal by other processes of this machine, as long as the value lives.
    ///
    /// In a store that cannot be written to, this cannot be told to others: the value then protects nothing, and says so.
    ///
    /// # Errors
    /// [`OpsError::Refused`] when there is no such backup, or it is being removed.
    fn hold(&self, id: &BackupId) -> Result<Hold, OpsError>;

    /// Remembers which cluster `database` is backed up from, and refuses another one unless told to `adopt` it.
    ///
    /// # Errors
    /// [`OpsError::Refused`] naming both clusters.
    fn claim(&self, database: &str, system_identifier: &str, adopt: bool) -> Result<(), OpsError>;

    /// Starts a backup; [`Store::lock`] is held by whoever does.
    ///
    /// # Errors
    /// [`OpsError`] when the store does not take it.
    fn begin(&self, id: &BackupId) -> Result<Box<dyn Draft>, OpsError>;

    /// Writes a small file into the store's history, which outlives its backups; `/` in its name makes a directory. One of that
    /// name that is there already stays as it is.
    ///
    /// # Errors
    /// [`OpsError`] when the store does not take it.
    fn keep(&self, name: &str, content: &[u8]) -> Result<(), OpsError>;

    /// Returns the names of the files of its history that start with `prefix`, a directory or nothing, in no order.
    ///
    /// # Errors
    /// [`OpsError`] when the store cannot be listed.
    fn kept(&self, prefix: &str) -> Result<Vec<String>, OpsError>;

    /// Reads a file of its history; `None` where it does not exist.
    ///
    /// # Errors
    /// [`OpsError`] when the store cannot be read.
    fn read_kept(&self, name: &str) -> Result<Option<Vec<u8>>, OpsError>;

    /// Removes a file of its history, because another one holds the same; one that is not there is no error.
    ///
    /// # Errors
    /// [`OpsError`] when the store does not remove it.
    fn remove_kept(&self, name: &str) -> Result<(), OpsError>;

    /// Returns the file of this machine in which a listing may keep what it has read. It may be lost at any time.
    fn memory(&self) -> Option<PathBuf>;

    /// Returns the room that is left, in bytes, where the store can tell.
    fn free_bytes(&self) -> Option<u64>;

    /// Tries it out: something is written, read and removed again.
    fn try_out(&self) -> Trial;
}

/// A backup that is being written. Dropped before [`Draft::commit`], what was written is removed.
pub trait Draft: fmt::Debug + Send + Sync {
    /// Creates a file of the backup; `/` in its name makes a directory. One that is there already is of a try that was given up,
    /// whose writer may not have let go of it yet: it is replaced, never written over.
    ///
    /// # Errors
    /// [`OpsError`] when the store does not take it.
    fn create(&self, name: &str) -> Result<Box<dyn Part>, OpsError>;

    /// Writes a small file of the backup.
    ///
    /// # Errors
    /// [`OpsError`] when the store does not take it.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), OpsError>;

    /// Writes the manifest, with which the backup is complete.
    ///
    /// # Errors
    /// [`OpsError`]; then there is no backup.
    fn commit(self: Box<Self>, manifest: &[u8]) -> Result<(), OpsError>;
}

/// A file of a backup that is being written. Dropped before [`Part::keep`], it is worth nothing.
pub trait Part: Write + Send {
    /// Ends the file and makes the store keep it, so that it survives a power cut.
    ///
    /// # Errors
    /// The store's.
    fn keep(&mut self) -> io::Result<()>;
}

/// A complete backup, and what tells one state of it from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The backup.
    pub id: BackupId,
    /// Changes when a file is added to the backup, or taken from it.
    pub mark: String,
    /// When that was last, by the store's clock.
    pub changed: SystemTime,
}

/// The right to write and remove backups of one database; another run waits its turn. Freed by the system when the process ends.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Takes the lock of the file at `path`.
    fn take(path: &Path, database: &str) -> Result<Self, OpsError> {
        let file = File::create(path).map_err(OpsError::io("create", path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(OpsError::Locked { what: database.to_owned(), path: path.to_owned() })
            }
            Err(TryLockError::Error(source)) => Err(OpsError::io("lock", path)(source)),
        }
    }
}

/// A backup's protection from removal; freed by the system when the process ends.
#[derive(Debug)]
pub struct Hold {
    file: Option<File>,
}

impl Hold {
    /// Whether others see it; they do not where nothing can be written.
    pub fn protects(&self) -> bool {
        self.file.is_some()
    }
}

/// What came of trying a store out.
#[derive(Debug)]
pub struct Trial {
    /// What was done, for people: "written, synced, renamed, deleted".
    pub done: &'static str,
    /// Why it cannot be written to; nothing where it can.
    pub unwritable: Option<OpsError>,
    /// Why nothing can be removed from it, where all the rest works.
    pub undeletable: Option<OpsError>,
    /// Its directory, or the nearest above it that exists, where it is on this machine.
    pub directory: Option<PathBuf>,
    /// Whether only its owner may read it; unknown where it does not exist yet, or cannot be told.
    pub private: Option<bool>,
}

/// Returns what stopped a reader: the store's own error where it is one, else the system's for the file `name`.
pub(crate) fn read_failed(error: io::Error, name: &str) -> OpsError {
    match error.downcast::<OpsError>() {
        Ok(error) => error,
        Err(error) => OpsError::io("read", name)(error),
    }
}

//! What a bucket has on this machine: locks, which a bucket has not, and the listing's memory. All of it may be lost.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::PathBuf;

use crate::backup::BackupId;
use crate::store::{Hold, StoreLock};
use crate::{OpsError, platform};

/// The store's directory on this machine.
#[derive(Debug)]
pub(super) struct Local {
    root: PathBuf,
}

impl Local {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn memory(&self) -> Option<PathBuf> {
        platform::create_private_dir(&self.root).ok()?;
        Some(self.root.join("index.json"))
    }

    pub(super) fn lock(&self, database: &str) -> Result<StoreLock, OpsError> {
        platform::create_private_dir(&self.root)?;
        StoreLock::take(&self.root.join(format!("lock-{}", BackupId::slug(database))), database)
    }

    /// Takes a backup's lock, shared with other readers.
    pub(super) fn hold(&self, id: &BackupId, location: String) -> Result<Hold, OpsError> {
        let file = self.hold_file(id)?;
        file.try_lock_shared().map_err(|error| in_use(error, id, location))?;
        Ok(Hold { file: Some(file) })
    }

    /// Takes a backup's lock alone, to remove it.
    pub(super) fn seize(&self, id: &BackupId, location: String) -> Result<File, OpsError> {
        let file = self.hold_file(id)?;
        file.try_lock().map_err(|error| in_use(error, id, location))?;
        Ok(file)
    }

    /// Forgets the lock of a backup that is gone; whoever locks it later finds that it is.
    pub(super) fn forget(&self, id: &BackupId) {
        let _ = fs::remove_file(self.root.join("holds").join(id.as_str()));
    }

    fn hold_file(&self, id: &BackupId) -> Result<File, OpsError> {
        let directory = self.root.join("holds");
        platform::create_private_dir(&directory)?;
        let path = directory.join(id.as_str());
        platform::private_file().create(true).open(&path).map_err(OpsError::io("open", &path))
    }

    /// Notes that a backup is being written or removed. When its note is found by whoever holds the database's lock, that was
    /// never ended.
    pub(super) fn note(&self, id: &BackupId) -> Result<(), OpsError> {
        let directory = self.root.join("unfinished");
        platform::create_private_dir(&directory)?;
        let path = directory.join(id.as_str());
        File::create(&path).map(drop).map_err(OpsError::io("create", &path))
    }

    /// Adds an upload under way to a backup's note: not every server lists them, nor to everybody.
    pub(super) fn note_upload(&self, id: &BackupId, name: &str, upload: &str) -> Result<(), OpsError> {
        let path = self.root.join("unfinished").join(id.as_str());
        let mut options = OpenOptions::new();
        let opened = options.append(true).open(&path);
        let line = format!("{upload} {name}\n");
        opened.and_then(|mut file| file.write_all(line.as_bytes())).map_err(OpsError::io("write", &path))
    }

    /// Returns the uploads of a backup's note, each with the name of its object.
    pub(super) fn noted_uploads(&self, id: &BackupId) -> Vec<(String, String)> {
        let path = self.root.join("unfinished").join(id.as_str());
        let text = fs::read_to_string(path).unwrap_or_default();
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        pairs.map(|(upload, name)| (upload.to_owned(), name.to_owned())).collect()
    }

    /// Takes the note away: the backup is complete, or all of it is gone.
    pub(super) fn finished(&self, id: &BackupId) {
        let _ = fs::remove_file(self.root.join("unfinished").join(id.as_str()));
    }

    /// Returns the backups of a database with a note.
    pub(super) fn unfinished(&self, slug: &str) -> Vec<BackupId> {
        let entries = fs::read_dir(self.root.join("unfinished")).into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| BackupId::parse(&entry.file_name().to_string_lossy()).ok());
        ids.filter(|id| id.database_slug() == slug).collect()
    }
}

fn in_use(error: TryLockError, id: &BackupId, location: String) -> OpsError {
    match error {
        TryLockError::WouldBlock => OpsError::InUse { backup: id.clone(), location },
        TryLockError::Error(source) => OpsError::io("lock the backup", id.as_str())(source),
    }
}

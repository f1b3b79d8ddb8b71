//! A store in a directory.
//!
//! A backup is written under `.partial-ID`, every file and directory is synced, and then it is renamed to `ID`: a rename is
//! all or nothing. It is removed the same way back: renamed to `.removing-ID`, then deleted. What a killed run leaves under
//! either name is removed by the next run of the same database.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::Part;
use super::identity::Owners;
use crate::backup::BackupId;
use crate::keys::temporary_name;
use crate::{OpsError, platform};

const PARTIAL: &str = ".partial-";

const REMOVING: &str = ".removing-";

/// The name of the file that is written last into a backup.
pub(crate) const MANIFEST: &str = "manifest.json";

/// A directory of backups.
#[derive(Clone, Debug)]
pub struct DirectoryStore {
    root: PathBuf,
}

/// The right to write backups of one database; another run waits its turn. Freed by the system when the process ends.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
    slug: String,
}

impl DirectoryStore {
    /// Returns the store in `root`; made by the first backup.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the directory of a backup.
    pub fn path(&self, id: &BackupId) -> PathBuf {
        self.root.join(id.as_str())
    }

    /// Takes the right to write backups of `database`, and removes what a killed run of it left.
    ///
    /// # Errors
    /// [`OpsError::Locked`] while another run has it.
    pub fn lock(&self, database: &str) -> Result<StoreLock, OpsError> {
        platform::create_private_dir(&self.root)?;
        let slug = BackupId::slug(database);
        let path = self.root.join(format!(".lock-{slug}"));
        let file = File::create(&path).map_err(OpsError::io("create", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(OpsError::Locked { what: database.to_owned(), path });
            }
            Err(fs::TryLockError::Error(source)) => return Err(OpsError::Io { doing: "lock", path, source }),
        }
        let lock = StoreLock { _file: file, slug };
        self.sweep(&lock)?;
        Ok(lock)
    }

    /// Removes the partial backups of the locked database, and what a removal left: their run is dead, or it would hold the
    /// lock.
    fn sweep(&self, lock: &StoreLock) -> Result<(), OpsError> {
        // ids never hold `_` in their slug, so the start is exact
        let [partial, removing] = [PARTIAL, REMOVING].map(|prefix| format!("{prefix}{}_", lock.slug));
        for entry in self.entries()? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(&partial) {
                fs::remove_dir_all(entry.path()).map_err(OpsError::io("remove", entry.path()))?;
            } else if name.starts_with(&removing) {
                // what cannot be deleted now keeps nobody from making a backup; the next run tries again
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }

    /// Removes a complete backup. From its first step on the backup is not listed any more; an interrupted removal is finished by
    /// the next run of the same database.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn remove(&self, id: &BackupId) -> Result<(), OpsError> {
        let (path, doomed) = (self.path(id), self.root.join(format!("{REMOVING}{id}")));
        fs::rename(&path, &doomed).map_err(OpsError::io("remove", &path))?;
        platform::sync_dir(&self.root)?;
        fs::remove_dir_all(&doomed).map_err(OpsError::io("remove", &doomed))
    }

    /// Remembers which cluster `database` is backed up from, and refuses another one unless told to `adopt` it.
    ///
    /// # Errors
    /// [`OpsError::Refused`] naming both clusters.
    pub fn claim(&self, database: &str, system_identifier: &str, adopt: bool) -> Result<(), OpsError> {
        let path = self.root.join("store.json");
        let mut owners = Owners::read(&path)?;
        if owners.claim(database, system_identifier, adopt)? {
            write_atomically(&path, &owners.to_json())?;
        }
        Ok(())
    }

    /// Starts a backup.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn begin(&self, id: &BackupId) -> Result<Draft, OpsError> {
        let partial = self.root.join(format!("{PARTIAL}{id}"));
        platform::create_private_dir(&partial)?;
        Ok(Draft { partial, target: self.path(id), root: self.root.clone(), committed: false })
    }

    /// Returns the ids of the complete backups, in no order. Directories with other names are not ours.
    ///
    /// # Errors
    /// [`OpsError::Io`]; a store that does not exist holds none.
    pub fn ids(&self) -> Result<Vec<BackupId>, OpsError> {
        let names = self.entries()?.into_iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
        Ok(names.filter_map(|name| BackupId::parse(&name).ok()).collect())
    }

    fn entries(&self) -> Result<Vec<fs::DirEntry>, OpsError> {
        match fs::read_dir(&self.root) {
            Ok(entries) => entries.collect::<Result<_, _>>().map_err(OpsError::io("list", &self.root)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(OpsError::io("list", &self.root)(error)),
        }
    }

    /// Opens a stored file of a backup.
    ///
    /// # Errors
    /// [`OpsError::Open`] when it is missing: the backup is damaged. [`OpsError::Io`] for the system's other reasons.
    pub fn read(&self, id: &BackupId, name: &str) -> Result<Box<dyn Read + Send>, OpsError> {
        let path = self.path(id).join(name);
        match File::open(&path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(OpsError::Open { name: name.to_owned(), reason: "it is missing".into() })
            }
            Err(error) => Err(OpsError::io("open", &path)(error)),
        }
    }

    /// Reads a small file of a backup whole; `None` where it does not exist.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn read_small(&self, id: &BackupId, name: &str) -> Result<Option<Vec<u8>>, OpsError> {
        let path = self.path(id).join(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OpsError::io("read", &path)(error)),
        }
    }

    /// Returns the names of the files that stand beside a backup's own and start with `prefix`.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn names_beside(&self, id: &BackupId, prefix: &str) -> Result<Vec<String>, OpsError> {
        let path = self.path(id);
        let entries = fs::read_dir(&path).map_err(OpsError::io("list", &path))?;
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
        names.sort();
        Ok(names)
    }

    /// Writes a file beside a complete backup, such as a proof; whole or not at all.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn write_beside(&self, id: &BackupId, name: &str, content: &[u8]) -> Result<PathBuf, OpsError> {
        let path = self.path(id).join(name);
        write_atomically(&path, content)?;
        Ok(path)
    }

    /// Removes a file beside a complete backup. One that is not there is gone already.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn remove_beside(&self, id: &BackupId, name: &str) -> Result<(), OpsError> {
        let path = self.path(id).join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(OpsError::io("remove", &path)(error))
            }
            _ => platform::sync_dir(&self.path(id)),
        }
    }
}

/// Writes a file under another name, syncs it and renames it.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> Result<(), OpsError> {
    let temporary = temporary_name(path);
    let mut file = platform::private_file()
        .create_new(true)
        .open(&temporary)
        .map_err(OpsError::io("create", &temporary))?;
    let written =
        file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
    if let Err(source) = written {
        // the error to report is the one that came first
        let _ = fs::remove_file(&temporary);
        return Err(OpsError::Io { doing: "write", path: path.to_owned(), source });
    }
    platform::sync_dir(path.parent().unwrap_or(Path::new(".")))
}

/// A backup being written. Dropped before [`Draft::commit`], it is removed.
#[derive(Debug)]
pub struct Draft {
    partial: PathBuf,
    target: PathBuf,
    root: PathBuf,
    committed: bool,
}

impl Draft {
    /// Creates a file of the backup; `/` in its name makes a directory. One that is there already is of a try that was given
    /// up, whose writer may not have let go of it yet: it is unlinked, not written over.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn create(&self, name: &str) -> Result<Box<dyn Part>, OpsError> {
        let path = self.partial.join(name);
        if let Some(parent) = path.parent().filter(|parent| *parent != self.partial) {
            platform::create_private_dir(parent)?;
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(OpsError::io("remove", &path)(error));
            }
            _ => {}
        }
        let file =
            platform::private_file().create_new(true).open(&path).map_err(OpsError::io("create", &path))?;
        Ok(Box::new(FilePart { file: io::BufWriter::with_capacity(256 * 1024, file) }))
    }

    /// Writes a small plain file of the backup.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), OpsError> {
        write_atomically(&self.partial.join(name), content)
    }

    /// Writes the manifest and makes the backup complete: everything is synced, then renamed to its final name.
    ///
    /// # Errors
    /// [`OpsError::Io`]; then there is no backup.
    pub fn commit(mut self, manifest: &[u8]) -> Result<(), OpsError> {
        self.write(MANIFEST, manifest)?;
        let data = self.partial.join("data");
        if data.is_dir() {
            platform::sync_dir(&data)?;
        }
        platform::sync_dir(&self.partial)?;
        fs::rename(&self.partial, &self.target)
            .map_err(OpsError::io("rename to its final name", &self.partial))?;
        self.committed = true;
        platform::sync_dir(&self.root)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.committed {
            // what stays is swept by the next run
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

struct FilePart {
    file: io::BufWriter<File>,
}

impl Write for FilePart {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.file.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Part for FilePart {
    fn keep(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }
}

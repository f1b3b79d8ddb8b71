//! A store in a directory.
//!
//! A backup is written under `.partial-ID`, every file and directory is synced, and then it is renamed to `ID`: a rename is
//! all or nothing. Removal goes the other way. What a killed run leaves under `.partial-…` is removed by the next run of the
//! same database.

mod trial;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::identity::Owners;
use super::{Draft, HISTORY, Hold, MANIFEST, Part, Store, StoreLock, Trial, Version};
use crate::backup::BackupId;
use crate::keys::temporary_name;
use crate::{OpsError, platform};

pub(crate) use trial::standing;

const PARTIAL: &str = ".partial-";

/// The directory of the files whose locks protect backups; outside of what a removal takes.
const HOLDS: &str = ".holds";

/// The file a listing keeps what it has read in.
const MEMORY: &str = ".index.json";

/// A directory of backups.
#[derive(Clone, Debug)]
pub struct DirectoryStore {
    root: PathBuf,
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

    fn partial(&self, id: &BackupId) -> PathBuf {
        self.root.join(format!("{PARTIAL}{id}"))
    }

    /// Removes the partial backups of the locked database: their run is dead, or it would hold the lock.
    fn sweep(&self, slug: &str) -> Result<(), OpsError> {
        let start = format!("{PARTIAL}{slug}_");
        for entry in self.entries()? {
            let name = entry.file_name().to_string_lossy().into_owned();
            // ids never hold `_` in their slug, so the start is exact
            if name.starts_with(&start) {
                fs::remove_dir_all(entry.path()).map_err(OpsError::io("remove", entry.path()))?;
            }
        }
        Ok(())
    }

    fn entries(&self) -> Result<Vec<fs::DirEntry>, OpsError> {
        match fs::read_dir(&self.root) {
            Ok(entries) => entries.collect::<Result<_, _>>().map_err(OpsError::io("list", &self.root)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(OpsError::io("list", &self.root)(error)),
        }
    }

    fn absent(&self, id: &BackupId) -> OpsError {
        OpsError::Refused(format!("there is no backup {id} in {}", self.location()))
    }

    /// Opens the file whose lock protects a backup; nothing where the store cannot be written to.
    fn hold_file(&self, id: &BackupId) -> Result<Option<File>, OpsError> {
        let directory = self.root.join(HOLDS);
        let path = directory.join(id.as_str());
        let opened = platform::create_private_dir(&directory).and_then(|()| {
            platform::private_file().create(true).open(&path).map_err(OpsError::io("open", &path))
        });
        match opened {
            Ok(file) => Ok(Some(file)),
            Err(OpsError::Io { source, .. }) if is_read_only(&source) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

impl Store for DirectoryStore {
    fn shared(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn location_of(&self, id: &BackupId) -> String {
        self.path(id).display().to_string()
    }

    /// The mark is the time the directory was changed; what is changed within a file leaves it as it is.
    fn versions(&self) -> Result<Vec<Version>, OpsError> {
        let mut versions = Vec::new();
        for entry in self.entries()? {
            // directories with other names are not ours
            let Ok(id) = BackupId::parse(&entry.file_name().to_string_lossy()) else { continue };
            let changed = match entry.metadata().and_then(|metadata| metadata.modified()) {
                Ok(changed) => changed,
                // removed since the directory was read
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(OpsError::io("look at", entry.path())(error)),
            };
            let since = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
            versions.push(Version { id, mark: since.as_nanos().to_string(), changed });
        }
        Ok(versions)
    }

    fn ids(&self) -> Result<Vec<BackupId>, OpsError> {
        let names = self.entries()?.into_iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
        Ok(names.filter_map(|name| BackupId::parse(&name).ok()).collect())
    }

    fn contains(&self, id: &BackupId) -> Result<bool, OpsError> {
        Ok(self.path(id).is_dir())
    }

    fn read(&self, id: &BackupId, name: &str) -> Result<Box<dyn Read + Send>, OpsError> {
        let path = self.path(id).join(name);
        match File::open(&path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OpsError::missing(name)),
            Err(error) => Err(OpsError::io("open", &path)(error)),
        }
    }

    fn read_small(&self, id: &BackupId, name: &str) -> Result<Option<Vec<u8>>, OpsError> {
        let path = self.path(id).join(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OpsError::io("read", &path)(error)),
        }
    }

    fn names(&self, id: &BackupId) -> Result<Vec<String>, OpsError> {
        let mut names = Vec::new();
        walk(&self.path(id), "", &mut names)?;
        Ok(names)
    }

    fn names_beside(&self, id: &BackupId, prefix: &str) -> Result<Vec<String>, OpsError> {
        let path = self.path(id);
        let entries = fs::read_dir(&path).map_err(OpsError::io("list", &path))?;
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
        names.sort();
        Ok(names)
    }

    fn write_beside(&self, id: &BackupId, name: &str, content: &[u8]) -> Result<(), OpsError> {
        write_atomically(&self.path(id).join(name), content)
    }

    fn remove_beside(&self, id: &BackupId, name: &str) -> Result<(), OpsError> {
        let path = self.path(id).join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(OpsError::io("remove", &path)(error))
            }
            _ => platform::sync_dir(&self.path(id)),
        }
    }

    fn remove(&self, id: &BackupId) -> Result<(), OpsError> {
        if !self.path(id).is_dir() {
            return Err(self.absent(id));
        }
        let hold = self.hold_file(id)?;
        if let Some(file) = &hold {
            file.try_lock().map_err(|error| in_use(error, id, self))?;
        }
        let (path, partial) = (self.path(id), self.partial(id));
        fs::rename(&path, &partial).map_err(OpsError::io("remove", &path))?;
        platform::sync_dir(&self.root)?;
        // whoever opened the file before and locks it after finds the backup gone
        let _ = fs::remove_file(self.root.join(HOLDS).join(id.as_str()));
        fs::remove_dir_all(&partial).map_err(OpsError::io("remove", &partial))
    }

    fn lock(&self, database: &str) -> Result<StoreLock, OpsError> {
        platform::create_private_dir(&self.root)?;
        let slug = BackupId::slug(database);
        let lock = StoreLock::take(&self.root.join(format!(".lock-{slug}")), database)?;
        self.sweep(&slug)?;
        Ok(lock)
    }

    fn hold(&self, id: &BackupId) -> Result<Hold, OpsError> {
        if !self.path(id).is_dir() {
            return Err(self.absent(id));
        }
        let file = self.hold_file(id)?;
        if let Some(file) = &file {
            file.try_lock_shared().map_err(|error| in_use(error, id, self))?;
        }
        // asked when the lock is held: it may have been removed meanwhile
        if self.path(id).is_dir() { Ok(Hold { file }) } else { Err(self.absent(id)) }
    }

    fn claim(&self, database: &str, system_identifier: &str, adopt: bool) -> Result<(), OpsError> {
        let path = self.root.join("store.json");
        let mut owners = Owners::read(&path)?;
        if owners.claim(database, system_identifier, adopt)? {
            write_atomically(&path, &owners.to_json())?;
        }
        Ok(())
    }

    fn begin(&self, id: &BackupId) -> Result<Box<dyn Draft>, OpsError> {
        let partial = self.partial(id);
        platform::create_private_dir(&partial)?;
        let draft =
            DirectoryDraft { partial, target: self.path(id), root: self.root.clone(), committed: false };
        Ok(Box::new(draft))
    }

    fn keep(&self, name: &str, content: &[u8]) -> Result<(), OpsError> {
        let path = self.root.join(HISTORY).join(name);
        if path.exists() {
            return Ok(());
        }
        if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
            platform::create_private_dir(directory)?;
            let above = directory.ancestors().skip(1).take_while(|above| above.starts_with(&self.root));
            above.into_iter().try_for_each(platform::sync_dir)?;
        }
        write_atomically(&path, content)
    }

    fn kept(&self, prefix: &str) -> Result<Vec<String>, OpsError> {
        let (directory, mut names) = (self.root.join(HISTORY).join(prefix), Vec::new());
        if directory.is_dir() {
            walk(&directory, prefix, &mut names)?;
        }
        Ok(names)
    }

    fn read_kept(&self, name: &str) -> Result<Option<Vec<u8>>, OpsError> {
        let path = self.root.join(HISTORY).join(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OpsError::io("read", &path)(error)),
        }
    }

    /// A directory that is empty then goes with it.
    fn remove_kept(&self, name: &str) -> Result<(), OpsError> {
        let path = self.root.join(HISTORY).join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(OpsError::io("remove", &path)(error));
            }
            _ => {}
        }
        if let Some(directory) = path.parent() {
            // it fails where something is left
            let _ = fs::remove_dir(directory);
        }
        Ok(())
    }

    fn memory(&self) -> Option<PathBuf> {
        Some(self.root.join(MEMORY))
    }

    fn free_bytes(&self) -> Option<u64> {
        fs4::available_space(standing(&self.root)).ok()
    }

    fn try_out(&self) -> Trial {
        trial::try_out(&self.root)
    }
}

fn in_use(error: fs::TryLockError, id: &BackupId, store: &DirectoryStore) -> OpsError {
    match error {
        fs::TryLockError::WouldBlock => OpsError::InUse { backup: id.clone(), location: store.location() },
        fs::TryLockError::Error(source) => OpsError::io("lock", store.path(id))(source),
    }
}

/// Collects the names of all files below `path`, with `/` between directories.
fn walk(path: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), OpsError> {
    for entry in fs::read_dir(path).map_err(OpsError::io("list", path))? {
        let entry = entry.map_err(OpsError::io("list", path))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(OpsError::io("look at", entry.path()))?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
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

#[derive(Debug)]
struct DirectoryDraft {
    partial: PathBuf,
    target: PathBuf,
    root: PathBuf,
    committed: bool,
}

impl Draft for DirectoryDraft {
    /// One that is there already is unlinked.
    fn create(&self, name: &str) -> Result<Box<dyn Part>, OpsError> {
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

    fn write(&self, name: &str, content: &[u8]) -> Result<(), OpsError> {
        write_atomically(&self.partial.join(name), content)
    }

    /// Everything is synced, then renamed to its final name.
    fn commit(mut self: Box<Self>, manifest: &[u8]) -> Result<(), OpsError> {
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

impl Drop for DirectoryDraft {
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

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "app_20261120T020000Z_0001";

    fn store_with(id: &str) -> (tempfile::TempDir, DirectoryStore, BackupId) {
        let directory = tempfile::tempdir().unwrap();
        let store = DirectoryStore::new(directory.path().join("store"));
        let id = BackupId::parse(id).unwrap();
        store.begin(&id).unwrap().commit(b"{}").unwrap();
        (directory, store, id)
    }

    #[test]
    fn a_backup_in_use_is_not_removed() {
        let (_directory, store, id) = store_with(OLD);
        let (first, second) = (store.hold(&id).unwrap(), store.hold(&id).unwrap());
        assert!(first.protects() && second.protects());
        for hold in [first, second] {
            assert!(matches!(store.remove(&id), Err(OpsError::InUse { .. })));
            drop(hold);
        }
        store.remove(&id).unwrap();
        assert!(matches!(store.hold(&id), Err(OpsError::Refused(_))));
        assert!(matches!(store.remove(&id), Err(OpsError::Refused(_))));
        assert_eq!(fs::read_dir(store.root()).unwrap().count(), 1, "the holds' directory");
        assert_eq!(fs::read_dir(store.root().join(HOLDS)).unwrap().count(), 0);
    }

    #[test]
    fn an_interrupted_removal_is_not_listed_and_is_finished_by_the_next_run() {
        let (_directory, store, id) = store_with(OLD);
        fs::rename(store.path(&id), store.partial(&id)).unwrap();
        assert!(store.ids().unwrap().is_empty() && store.versions().unwrap().is_empty());
        drop(store.lock("other").unwrap());
        assert!(store.partial(&id).exists(), "another database's");
        drop(store.lock("app").unwrap());
        assert!(!store.partial(&id).exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_store_that_cannot_be_written_to_is_held_by_nobody() {
        use std::os::unix::fs::PermissionsExt;
        let (_directory, store, id) = store_with(OLD);
        fs::set_permissions(store.root(), fs::Permissions::from_mode(0o500)).unwrap();
        let hold = store.hold(&id);
        fs::set_permissions(store.root(), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(hold.unwrap().protects(), platform::is_root(), "root writes everywhere");
    }

    #[test]
    fn what_stands_beside_a_backup_changes_its_mark() {
        let (_directory, store, id) = store_with(OLD);
        let mark = || store.versions().unwrap().remove(0).mark;
        let before = mark();
        std::thread::sleep(std::time::Duration::from_millis(20));
        store.write_beside(&id, "pin.json", b"{}").unwrap();
        let pinned = mark();
        assert_ne!(before, pinned);
        std::thread::sleep(std::time::Duration::from_millis(20));
        store.remove_beside(&id, "pin.json").unwrap();
        store.remove_beside(&id, "pin.json").unwrap();
        assert_ne!(pinned, mark());
        assert_eq!(store.names(&id).unwrap(), [MANIFEST]);
    }
}

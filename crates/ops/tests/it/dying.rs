//! A store whose user dies: after some number of calls nothing happens any more, and nothing is tidied up.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use unisys_ops::OpsError;
use unisys_ops::backup::BackupId;
use unisys_ops::store::{DirectoryStore, Draft, Hold, Part, Store, StoreLock, Trial, Version};

/// A directory store that serves so many calls.
#[derive(Clone, Debug)]
pub(crate) struct Dying {
    inner: DirectoryStore,
    life: Life,
}

#[derive(Clone, Debug)]
struct Life(Arc<AtomicI64>);

impl Life {
    fn is_over(&self) -> bool {
        self.0.load(Ordering::SeqCst) <= 0
    }

    /// Spends one call.
    fn spend(&self) -> Result<(), OpsError> {
        match self.0.fetch_sub(1, Ordering::SeqCst) {
            ..=0 => Err(OpsError::Refused("killed".into())),
            _ => Ok(()),
        }
    }

    fn spend_io(&self) -> io::Result<()> {
        self.spend().map_err(io::Error::other)
    }
}

impl Dying {
    pub(crate) fn after(calls: i64, inner: &DirectoryStore) -> Self {
        Self { inner: inner.clone(), life: Life(Arc::new(AtomicI64::new(calls))) }
    }
}

impl Store for Dying {
    fn shared(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn location(&self) -> String {
        self.inner.location()
    }

    fn location_of(&self, id: &BackupId) -> String {
        self.inner.location_of(id)
    }

    fn versions(&self) -> Result<Vec<Version>, OpsError> {
        self.life.spend()?;
        self.inner.versions()
    }

    fn ids(&self) -> Result<Vec<BackupId>, OpsError> {
        self.life.spend()?;
        self.inner.ids()
    }

    fn contains(&self, id: &BackupId) -> Result<bool, OpsError> {
        self.life.spend()?;
        self.inner.contains(id)
    }

    fn read(&self, id: &BackupId, name: &str) -> Result<Box<dyn Read + Send>, OpsError> {
        self.life.spend()?;
        self.inner.read(id, name)
    }

    fn read_small(&self, id: &BackupId, name: &str) -> Result<Option<Vec<u8>>, OpsError> {
        self.life.spend()?;
        self.inner.read_small(id, name)
    }

    fn names(&self, id: &BackupId) -> Result<Vec<String>, OpsError> {
        self.life.spend()?;
        self.inner.names(id)
    }

    fn names_beside(&self, id: &BackupId, prefix: &str) -> Result<Vec<String>, OpsError> {
        self.life.spend()?;
        self.inner.names_beside(id, prefix)
    }

    fn write_beside(&self, id: &BackupId, name: &str, content: &[u8]) -> Result<(), OpsError> {
        self.life.spend()?;
        self.inner.write_beside(id, name, content)
    }

    fn remove_beside(&self, id: &BackupId, name: &str) -> Result<(), OpsError> {
        self.life.spend()?;
        self.inner.remove_beside(id, name)
    }

    fn remove(&self, id: &BackupId) -> Result<(), OpsError> {
        self.life.spend()?;
        self.inner.remove(id)
    }

    fn lock(&self, database: &str) -> Result<StoreLock, OpsError> {
        self.life.spend()?;
        self.inner.lock(database)
    }

    fn hold(&self, id: &BackupId) -> Result<Hold, OpsError> {
        self.life.spend()?;
        self.inner.hold(id)
    }

    fn claim(&self, database: &str, system_identifier: &str, adopt: bool) -> Result<(), OpsError> {
        self.life.spend()?;
        self.inner.claim(database, system_identifier, adopt)
    }

    fn begin(&self, id: &BackupId) -> Result<Box<dyn Draft>, OpsError> {
        self.life.spend()?;
        Ok(Box::new(DyingDraft { inner: Some(self.inner.begin(id)?), life: self.life.clone() }))
    }

    fn keep(&self, name: &str, content: &[u8]) -> Result<(), OpsError> {
        self.life.spend()?;
        self.inner.keep(name, content)
    }

    fn kept(&self, prefix: &str) -> Result<Vec<String>, OpsError> {
        self.life.spend()?;
        self.inner.kept(prefix)
    }

    fn read_kept(&self, name: &str) -> Result<Option<Vec<u8>>, OpsError> {
        self.life.spend()?;
        self.inner.read_kept(name)
    }

    fn remove_kept(&self, name: &str) -> Result<(), OpsError> {
        self.life.spend()?;
        self.inner.remove_kept(name)
    }

    fn memory(&self) -> Option<PathBuf> {
        self.inner.memory()
    }

    fn free_bytes(&self) -> Option<u64> {
        self.inner.free_bytes()
    }

    fn try_out(&self) -> Trial {
        self.inner.try_out()
    }
}

#[derive(Debug)]
struct DyingDraft {
    inner: Option<Box<dyn Draft>>,
    life: Life,
}

impl DyingDraft {
    fn alive(&self) -> Result<&dyn Draft, OpsError> {
        self.life.spend()?;
        Ok(&**self.inner.as_ref().expect("not committed"))
    }
}

impl Draft for DyingDraft {
    fn create(&self, name: &str) -> Result<Box<dyn Part>, OpsError> {
        let inner = self.alive()?.create(name)?;
        Ok(Box::new(DyingPart { inner: Some(inner), life: self.life.clone() }))
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), OpsError> {
        self.alive()?.write(name, content)
    }

    fn commit(mut self: Box<Self>, manifest: &[u8]) -> Result<(), OpsError> {
        self.life.spend()?;
        self.inner.take().expect("not committed").commit(manifest)
    }
}

impl Drop for DyingDraft {
    /// The dead remove nothing.
    fn drop(&mut self) {
        if self.life.is_over() {
            std::mem::forget(self.inner.take());
        }
    }
}

struct DyingPart {
    inner: Option<Box<dyn Part>>,
    life: Life,
}

impl DyingPart {
    fn inner(&mut self) -> &mut dyn Part {
        &mut **self.inner.as_mut().expect("there until it is dropped")
    }
}

impl Write for DyingPart {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.life.spend_io()?;
        self.inner().write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner().flush()
    }
}

impl Part for DyingPart {
    fn keep(&mut self) -> io::Result<()> {
        self.life.spend_io()?;
        self.inner().keep()
    }
}

impl Drop for DyingPart {
    /// What was buffered never reached the disk.
    fn drop(&mut self) {
        if self.life.is_over() {
            std::mem::forget(self.inner.take());
        }
    }
}

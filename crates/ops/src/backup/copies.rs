//! Copies: complete backups in further stores. What is copied is the stored bytes, hashed on their way; the manifest comes last
//! there too.

use std::collections::{BTreeSet, VecDeque};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{BackupId, Manifest};
use crate::OpsError;
use crate::evidence::history;
use crate::keys::hex;
use crate::progress::{Expected, Progress};
use crate::restore::OpenBackup;
use crate::seal::StoredFile;
use crate::store::{Draft, MANIFEST, Store, read_failed};

/// How many of the newest backups are caught up with, where a copy was out of reach for a while.
const CATCH_UP: usize = 7;

/// How copies are made.
#[derive(Clone)]
pub struct CopyOptions {
    /// How many files are copied at once.
    pub jobs: usize,
    /// Whether to refuse a store that has too little room.
    pub check_space: bool,
    /// Whether to take over a store that knows the database from another cluster.
    pub adopt: bool,
    /// Who is told how far it is.
    pub progress: Arc<dyn Progress>,
}

/// How far a copy is behind the store it is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lag {
    /// How many backups it lacks that are newer than its newest.
    pub backups: usize,
    /// Its newest backup; nothing where it has none.
    pub newest: Option<BackupId>,
    /// The moment of that.
    pub moment: Option<DateTime<Utc>>,
}

/// What came of bringing a copy up to date.
#[derive(Debug)]
pub struct Copied {
    /// Where it is.
    pub location: String,
    /// What was copied now, the oldest first.
    pub copied: Vec<BackupId>,
    /// How far it is behind all the same.
    pub lag: Lag,
    /// What went wrong first.
    pub failure: Option<OpsError>,
}

/// Returns how far a copy is behind, for the backups of one database.
pub fn lag(source: &[BackupId], copy: &[BackupId]) -> Lag {
    let newest = copy.iter().max_by_key(|id| (id.moment(), (*id).clone()));
    Lag {
        backups: missing(source, copy).len(),
        newest: newest.cloned(),
        moment: newest.map(BackupId::moment),
    }
}

/// Returns what a copy lacks that is newer than its newest, the oldest first. What is older was removed there, or never
/// wanted.
fn missing(source: &[BackupId], copy: &[BackupId]) -> Vec<BackupId> {
    let newest = copy.iter().map(BackupId::moment).max();
    let newer = |id: &&BackupId| newest.is_none_or(|newest| id.moment() >= newest) && !copy.contains(id);
    let mut missing: Vec<BackupId> = source.iter().filter(newer).cloned().collect();
    missing.sort_by_key(|id| (id.moment(), id.clone()));
    missing
}

/// Copies what `to` lacks of a database's newest backups, and what was put beside those it has. A backup that is damaged is
/// passed over; a store that fails ends it. The future can be dropped: what is half copied then is removed, or swept by the next
/// run.
pub async fn bring_up_to_date(
    from: &dyn Store,
    to: &dyn Store,
    database: &str,
    options: &CopyOptions,
) -> Copied {
    let (from, to) = (from.shared(), to.shared());
    let location = to.location();
    let stop = Stop::default();
    let work = Work { stopped: Arc::clone(&stop.0), options: options.clone(), from, to };
    let slug = BackupId::slug(database);
    let database = database.to_owned();
    let done = tokio::task::spawn_blocking(move || {
        let mut copied = Vec::new();
        let failure = work.run(&database, &mut copied).err();
        let lag = work.lag(&slug).unwrap_or_default();
        (copied, lag, failure)
    });
    let stopped = || (Vec::new(), Lag::default(), Some(OpsError::Refused("the copying was stopped".into())));
    let (copied, lag, failure) = done.await.unwrap_or_else(|_| stopped());
    Copied { location, copied, lag, failure }
}

/// Puts the backup `new` in the place of `old` in a copy: after a backup got other keys, which gave it another name.
///
/// # Errors
/// [`OpsError`]; then the copy has the old one, and perhaps the new one too.
pub async fn replace_in_copy(
    from: &dyn Store,
    to: &dyn Store,
    old: &BackupId,
    new: &Manifest,
    options: &CopyOptions,
) -> Result<(), OpsError> {
    let stop = Stop::default();
    let work =
        Work { stopped: Arc::clone(&stop.0), options: options.clone(), from: from.shared(), to: to.shared() };
    let (old, new, database) = (old.clone(), new.id.clone(), new.database.clone());
    let done = tokio::task::spawn_blocking(move || {
        let _lock = work.to.lock(&database)?;
        if !work.to.contains(&new)? {
            work.copy(&new)?;
        }
        work.to.remove(&old)
    });
    done.await.unwrap_or_else(|_| Err(OpsError::Refused("the copying was stopped".into())))
}

/// Tells the copying threads to stop when the task that waits for them is gone.
#[derive(Default)]
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Work {
    from: Arc<dyn Store>,
    to: Arc<dyn Store>,
    options: CopyOptions,
    stopped: Arc<AtomicBool>,
}

impl Work {
    fn ids(store: &dyn Store, slug: &str) -> Result<Vec<BackupId>, OpsError> {
        let mut ids = store.ids()?;
        ids.retain(|id| id.database_slug() == slug);
        Ok(ids)
    }

    fn lag(&self, slug: &str) -> Result<Lag, OpsError> {
        Ok(lag(&Self::ids(&*self.from, slug)?, &Self::ids(&*self.to, slug)?))
    }

    fn run(&self, database: &str, copied: &mut Vec<BackupId>) -> Result<(), OpsError> {
        let _lock = self.to.lock(database)?;
        let slug = BackupId::slug(database);
        let (source, there) = (Self::ids(&*self.from, &slug)?, Self::ids(&*self.to, &slug)?);
        let missing = missing(&source, &there);
        let mut first = None;
        for id in &missing[missing.len().saturating_sub(CATCH_UP)..] {
            match self.copy(id) {
                Ok(()) => copied.push(id.clone()),
                Err(error) if error.blames_the_backup() => first = first.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        let mut both: Vec<&BackupId> = there.iter().filter(|id| source.contains(id)).collect();
        both.sort_by_key(|id| std::cmp::Reverse(id.moment()));
        for id in both.into_iter().take(CATCH_UP) {
            self.copy_beside(id)?;
        }
        history::copy(&*self.from, &*self.to, &slug)?;
        first.map_or(Ok(()), Err)
    }

    fn copy(&self, id: &BackupId) -> Result<(), OpsError> {
        let _hold = self.from.hold(id)?;
        let (manifest, _) = OpenBackup::manifest(&*self.from, id)?;
        let json = self.from.read_small(id, MANIFEST)?.unwrap_or_default();
        let size = manifest.stored_bytes();
        if self.options.check_space
            && let Some(free) = self.to.free_bytes().filter(|free| *free < size)
        {
            return Err(OpsError::NoRoom { location: self.to.location(), free, needed: size });
        }
        self.to.claim(&manifest.database, &manifest.system_identifier, self.options.adopt)?;
        self.options.progress.begin(&format!("copy {id}"), Expected::bytes(size));
        let draft = self.to.begin(id)?;
        self.copy_files(&manifest, &*draft)?;
        let named: BTreeSet<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
        for name in self.from.names(id)? {
            if name != MANIFEST && !named.contains(name.as_str()) && is_plain(&name) {
                draft.write(&name, &self.from.read_small(id, &name)?.unwrap_or_default())?;
            }
        }
        draft.commit(&json)
    }

    /// Copies the files the manifest names, some at once.
    fn copy_files(&self, manifest: &Manifest, draft: &dyn Draft) -> Result<(), OpsError> {
        let queue = Mutex::new(manifest.files.iter().collect::<VecDeque<_>>());
        // a function of its own, so that the lock is not held while a file is copied
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let work = || -> Result<(), OpsError> {
            while let Some(file) = next() {
                self.copy_file(manifest, file, draft).inspect_err(|_| {
                    // the others need not go on
                    queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
                })?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.options.jobs.max(1)).map(|_| scope.spawn(work)).collect();
            let results: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
            let stopped = || Err(OpsError::Refused("a thread was stopped".into()));
            results.into_iter().try_for_each(|result| result.unwrap_or_else(|_| stopped()))
        })
    }

    fn copy_file(&self, manifest: &Manifest, file: &StoredFile, draft: &dyn Draft) -> Result<(), OpsError> {
        let StoredFile { name, bytes, sha256, .. } = file;
        let damaged = |reason: &str| OpsError::Open { name: name.clone(), reason: reason.into() };
        if !is_plain(name) {
            return Err(damaged("a backup has no file of this name"));
        }
        let failed = |source: std::io::Error| match source.downcast::<OpsError>() {
            Ok(error) => error,
            Err(source) => OpsError::Write { name: name.clone(), source },
        };
        let item = self.options.progress.start(name, Expected::bytes(*bytes));
        let (mut from, mut to) = (self.from.read(&manifest.id, name)?, draft.create(name)?);
        let (mut hash, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 256 * 1024]);
        loop {
            if self.stopped.load(Ordering::SeqCst) {
                return Err(OpsError::Refused("the copying was stopped".into()));
            }
            match from.read(&mut buffer).map_err(|error| read_failed(error, name))? {
                0 => break,
                read => {
                    hash.update(&buffer[..read]);
                    to.write_all(&buffer[..read]).map_err(failed)?;
                    size += read as u64;
                    item.advance(read as u64, 0);
                }
            }
        }
        if size != *bytes || hex(&hash.finalize()) != *sha256 {
            return Err(damaged("it is not the file the manifest names (size or SHA-256 differ)"));
        }
        to.keep().map_err(failed)?;
        item.finish();
        Ok(())
    }

    /// Copies what was put beside a backup since it was copied, such as proofs.
    fn copy_beside(&self, id: &BackupId) -> Result<(), OpsError> {
        let there: BTreeSet<String> = self.to.names_beside(id, "")?.into_iter().collect();
        for name in self.from.names_beside(id, "")? {
            // a backup's own files came with it
            if there.contains(&name) || name.ends_with(".age") || name == "data" || !is_plain(&name) {
                continue;
            }
            if let Some(content) = self.from.read_small(id, &name)? {
                self.to.write_beside(id, &name, &content)?;
            }
        }
        Ok(())
    }
}

/// Whether a name stays within its backup, whatever a manifest that somebody changed says.
fn is_plain(name: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && part.chars().all(safe))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(days: &[u32]) -> Vec<BackupId> {
        days.iter().map(|day| BackupId::parse(&format!("app_202611{day:02}T020000Z_0001")).unwrap()).collect()
    }

    #[test]
    fn a_copy_lacks_what_is_newer_than_its_newest() {
        let source = ids(&[1, 2, 3, 4]);
        assert_eq!(missing(&source, &ids(&[2])), ids(&[3, 4]));
        assert_eq!(missing(&source, &ids(&[])), source);
        assert_eq!(missing(&source, &ids(&[1, 4])), ids(&[]), "2 and 3 were pruned there");
        assert_eq!(missing(&source, &ids(&[9])), ids(&[]));
        let lag = lag(&source, &ids(&[1, 2]));
        assert_eq!((lag.backups, lag.newest), (2, Some(ids(&[2]).remove(0))));
    }

    #[rstest::rstest]
    #[case("data/0001.copy.zst.age", true)]
    #[case("RESTORE.txt", true)]
    #[case("../x", false)]
    #[case("data/../../x", false)]
    #[case("/etc/passwd", false)]
    #[case("a\\b", false)]
    #[case("C:x", false)]
    #[case("", false)]
    fn a_name_stays_within_its_backup(#[case] name: &str, #[case] plain: bool) {
        assert_eq!(is_plain(name), plain);
    }
}

//! A store in a bucket of S3 or of a server that speaks like it.
//!
//! A bucket knows no rename: the files of a backup go up in parts while they are made, and `manifest.json`, put last, is the
//! commit. What has no manifest is no backup. Nothing needs to be overwritten or removed for a backup to come about, so a
//! bucket with object lock will do.
//!
//! ```text
//! prefix/app_20261121T020000Z_7f3a/manifest.json …   the backups, as in a directory
//! prefix/history/app/2026-11/…                        drills of backups that were removed
//! prefix/owners/app/0001.json                        which cluster `app` is backed up from; adopting another one adds 0002
//! ```
//!
//! A bucket knows no locks either: they are files on this machine, and keep its processes apart, not other machines'.

mod aws;
mod bucket;
mod draft;
mod engine;
mod fault;
mod gate;
mod local;
mod owners;
mod reader;
mod sweep;
mod uploads;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

pub use aws::{AwsSources, Credentials, Found as FoundBucket, S3Wishes};
pub use fault::Fault;

use self::bucket::{BRIEFLY, Bucket};
use self::draft::S3Draft;
use self::local::Local;
use self::reader::ObjectReader;
use super::{BucketPlace, Draft, HISTORY, Hold, MANIFEST, Store, StoreLock, Trial, Version};
use crate::backup::BackupId;
use crate::keys::sha256;
use crate::{OpsError, random};

/// What all parts on their way may take together, in bytes.
const MEMORY: usize = 64 << 20;

/// How a bucket is reached and used.
#[derive(Clone, Debug)]
pub struct S3Options {
    /// The server, such as `https://minio.example.edu:9000`; `None` for Amazon's.
    pub endpoint: Option<String>,
    /// The region requests are signed for.
    pub region: String,
    /// What requests are signed with.
    pub credentials: Credentials,
    /// A file with certificates to trust beside the system's.
    pub ca: Option<PathBuf>,
    /// The size of a part, in bytes; S3 takes no less than 5 MiB and no more than 10,000 of them.
    pub part_bytes: usize,
    /// How long a part that fails is tried again.
    pub patience: Duration,
    /// A directory of this machine for locks and the listing's memory.
    pub local: PathBuf,
    /// The time, to tell old from new; the server's own clock has dated what is compared with it.
    pub clock: fn() -> DateTime<Utc>,
}

impl S3Options {
    /// Returns how many parts may be in memory at once.
    fn buffers(&self) -> usize {
        (MEMORY / self.part_bytes.max(1)).max(2)
    }
}

/// A bucket of backups.
#[derive(Clone, Debug)]
pub struct S3Store {
    bucket: Arc<Bucket>,
    local: Arc<Local>,
}

impl S3Store {
    /// Returns the store at `place`. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// [`OpsError`] when an option cannot be used, such as a file of certificates.
    pub fn new(place: BucketPlace, options: S3Options) -> Result<Self, OpsError> {
        let (s3, http) = aws::clients(&place, &options)?;
        // one directory for each bucket of each server
        let all =
            format!("{} {} {}", options.endpoint.as_deref().unwrap_or_default(), place.bucket, place.prefix);
        let local = options.local.join(format!("{}-{}", place.bucket, &sha256(all.as_bytes())[..12]));
        let bucket = Arc::new(Bucket::new(s3, http, place, options)?);
        Ok(Self { bucket, local: Arc::new(Local::new(local)) })
    }

    fn absent(&self, id: &BackupId) -> OpsError {
        OpsError::Refused(format!("there is no backup {id} in {}", self.location()))
    }

    /// Waits for what is asked of the bucket.
    fn ask<T, F>(&self, question: impl FnOnce(Arc<Bucket>) -> F) -> Result<T, OpsError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, OpsError>> + Send + 'static,
    {
        self.bucket.engine.wait(question(Arc::clone(&self.bucket)))
    }
}

/// What is gathered of one backup while the bucket is listed.
#[derive(Default)]
struct Gathered {
    complete: bool,
    mark: DefaultHasher,
    changed: DateTime<Utc>,
}

impl Store for S3Store {
    fn shared(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn location(&self) -> String {
        self.bucket.url("").trim_end_matches('/').to_owned()
    }

    fn location_of(&self, id: &BackupId) -> String {
        self.bucket.url(id.as_str())
    }

    /// The mark is made of the objects' names, sizes, tags and times.
    fn versions(&self) -> Result<Vec<Version>, OpsError> {
        self.ask(|bucket| async move {
            let mut found = std::collections::BTreeMap::<BackupId, Gathered>::new();
            let see = |name: &str, object: &object_store::ObjectMeta| {
                let Some((id, file)) = name.split_once('/') else { return };
                // what is called otherwise is not ours
                let Ok(id) = BackupId::parse(id) else { return };
                let gathered = found.entry(id).or_default();
                gathered.complete |= file == MANIFEST;
                (name, object.size, &object.e_tag, object.last_modified).hash(&mut gathered.mark);
                gathered.changed = gathered.changed.max(object.last_modified);
            };
            bucket.list("", see).await?;
            let complete = found.into_iter().filter(|(_, gathered)| gathered.complete);
            let version = |(id, Gathered { mark, changed, .. }): (BackupId, Gathered)| Version {
                id,
                mark: format!("{:016x}", mark.finish()),
                changed: changed.into(),
            };
            Ok(complete.map(version).collect())
        })
    }

    fn ids(&self) -> Result<Vec<BackupId>, OpsError> {
        Ok(self.versions()?.into_iter().map(|version| version.id).collect())
    }

    fn contains(&self, id: &BackupId) -> Result<bool, OpsError> {
        Ok(self.read_small(id, MANIFEST)?.is_some())
    }

    fn read(&self, id: &BackupId, name: &str) -> Result<Box<dyn Read + Send>, OpsError> {
        let object = ObjectReader::open(&self.bucket, format!("{id}/{name}"), OpsError::missing(name))?;
        Ok(Box::new(object))
    }

    fn read_small(&self, id: &BackupId, name: &str) -> Result<Option<Vec<u8>>, OpsError> {
        let name = format!("{id}/{name}");
        let content = self.ask(|bucket| async move { bucket.get(&name, BRIEFLY).await })?;
        Ok(content.map(Into::into))
    }

    fn names(&self, id: &BackupId) -> Result<Vec<String>, OpsError> {
        let prefix = format!("{id}/");
        self.ask(|bucket| async move {
            let mut names = Vec::new();
            let see = |name: &str, _: &object_store::ObjectMeta| {
                names.extend(name.strip_prefix(&prefix).map(str::to_owned));
            };
            bucket.list(&prefix, see).await?;
            Ok(names)
        })
    }

    fn names_beside(&self, id: &BackupId, prefix: &str) -> Result<Vec<String>, OpsError> {
        let (start, whole) = (format!("{id}/"), format!("{id}/{prefix}"));
        self.ask(|bucket| async move {
            let mut names = Vec::new();
            let see = |name: &str, _: &object_store::ObjectMeta| {
                names.extend(name.strip_prefix(&start).filter(|name| !name.contains('/')).map(str::to_owned));
            };
            bucket.list(&whole, see).await?;
            names.sort();
            Ok(names)
        })
    }

    fn write_beside(&self, id: &BackupId, name: &str, content: &[u8]) -> Result<(), OpsError> {
        let (name, content) = (format!("{id}/{name}"), Bytes::copy_from_slice(content));
        self.ask(|bucket| async move { bucket.put(&name, content, bucket.options.patience).await })
    }

    fn remove_beside(&self, id: &BackupId, name: &str) -> Result<(), OpsError> {
        let name = format!("{id}/{name}");
        self.ask(|bucket| async move { bucket.delete(&name).await })
    }

    /// The manifest goes first.
    fn remove(&self, id: &BackupId) -> Result<(), OpsError> {
        let _alone = self.local.seize(id, self.location())?;
        if !self.contains(id)? {
            self.local.forget(id);
            return Err(self.absent(id));
        }
        self.local.note(id)?;
        let gone = id.clone();
        self.ask(|bucket| async move { sweep::clean(&bucket, &gone, Vec::new()).await })?;
        self.local.finished(id);
        self.local.forget(id);
        Ok(())
    }

    fn lock(&self, database: &str) -> Result<StoreLock, OpsError> {
        let lock = self.local.lock(database)?;
        let slug = BackupId::slug(database);
        let ended = self.local.unfinished(&slug);
        let now = (self.bucket.options.clock)();
        let local = Arc::clone(&self.local);
        let cleaned = self.ask(|bucket| sweep::sweep(bucket, local, slug, ended, now))?;
        cleaned.iter().for_each(|id| self.local.finished(id));
        Ok(lock)
    }

    /// Other machines do not see it.
    fn hold(&self, id: &BackupId) -> Result<Hold, OpsError> {
        let hold = self.local.hold(id, self.location())?;
        // asked when the lock is held: it may have been removed meanwhile
        if self.contains(id)? {
            return Ok(hold);
        }
        self.local.forget(id);
        Err(self.absent(id))
    }

    fn claim(&self, database: &str, system_identifier: &str, adopt: bool) -> Result<(), OpsError> {
        let (database, system) = (database.to_owned(), system_identifier.to_owned());
        self.ask(|bucket| async move { owners::claim(&bucket, &database, &system, adopt).await })
    }

    fn begin(&self, id: &BackupId) -> Result<Box<dyn Draft>, OpsError> {
        Ok(Box::new(S3Draft::begin(Arc::clone(&self.bucket), Arc::clone(&self.local), id)?))
    }

    fn keep(&self, name: &str, content: &[u8]) -> Result<(), OpsError> {
        let (name, content) = (format!("{HISTORY}/{name}"), Bytes::copy_from_slice(content));
        // where another machine was quicker, what it wrote will do
        self.ask(|bucket| async move { bucket.create(&name, content, bucket.options.patience).await })
            .map(drop)
    }

    fn kept(&self, prefix: &str) -> Result<Vec<String>, OpsError> {
        let prefix = format!("{HISTORY}/{prefix}");
        self.ask(|bucket| async move {
            let mut names = Vec::new();
            let see = |name: &str, _: &object_store::ObjectMeta| {
                names.extend(
                    name.strip_prefix(HISTORY).and_then(|name| name.strip_prefix('/')).map(str::to_owned),
                );
            };
            bucket.list(&prefix, see).await?;
            Ok(names)
        })
    }

    fn read_kept(&self, name: &str) -> Result<Option<Vec<u8>>, OpsError> {
        let name = format!("{HISTORY}/{name}");
        let content = self.ask(|bucket| async move { bucket.get(&name, BRIEFLY).await })?;
        Ok(content.map(Into::into))
    }

    fn remove_kept(&self, name: &str) -> Result<(), OpsError> {
        let name = format!("{HISTORY}/{name}");
        self.ask(|bucket| async move { bucket.delete(&name).await })
    }

    fn memory(&self) -> Option<PathBuf> {
        self.local.memory()
    }

    fn free_bytes(&self) -> Option<u64> {
        None
    }

    fn try_out(&self) -> Trial {
        let name = format!(".doctor-{}", random::text(8));
        let mut trial = Trial {
            done: "written, read, listed, deleted",
            unwritable: None,
            undeletable: None,
            directory: None,
            private: None,
        };
        let written = {
            let name = name.clone();
            self.ask(|bucket| async move {
                let content = Bytes::from_static(b"unisys-dba doctor\n");
                bucket.put(&name, content.clone(), BRIEFLY).await?;
                let mut listed = false;
                bucket.list(&name, |found, _| listed |= found == name).await?;
                let read = bucket.get(&name, BRIEFLY).await? == Some(content);
                match listed && read {
                    true => Ok(()),
                    false => Err(OpsError::Corrupt(format!("{} is not what was written", bucket.url(&name)))),
                }
            })
        };
        trial.undeletable = self.ask(|bucket| async move { bucket.delete(&name).await }).err();
        trial.unwritable = written.err();
        trial
    }
}

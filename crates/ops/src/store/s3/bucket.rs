//! The questions a bucket is asked, each tried patiently, with errors that name bucket and key.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use tokio::sync::Semaphore;

use super::S3Options;
use super::engine::{Engine, patiently};
use super::fault::{self, Failure, Fault};
use super::gate::Gate;
use crate::OpsError;
use crate::store::BucketPlace;

/// How long a person's question is tried; what a backup is written with has more patience.
pub(super) const BRIEFLY: Duration = Duration::from_secs(5);

/// How many objects are removed at once.
const REMOVERS: usize = 8;

/// How many parts are on their way at once: more would only make each of them slower.
const SENDERS: usize = 4;

/// A bucket and the way to it.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) s3: AmazonS3,
    pub(super) http: reqwest::Client,
    pub(super) place: BucketPlace,
    pub(super) engine: Engine,
    pub(super) options: S3Options,
    /// The buffers all parts share: this bounds the memory, however many workers there are.
    pub(super) buffers: Arc<Semaphore>,
    pub(super) senders: Arc<Semaphore>,
}

impl Bucket {
    pub(super) fn new(
        s3: AmazonS3,
        http: reqwest::Client,
        place: BucketPlace,
        options: S3Options,
    ) -> Result<Self, OpsError> {
        let buffers = Arc::new(Semaphore::new(options.buffers()));
        let (engine, senders) = (Engine::start()?, Arc::new(Semaphore::new(SENDERS)));
        Ok(Self { s3, http, place, engine, options, buffers, senders })
    }

    /// Returns the whole key of a name in the store.
    pub(super) fn key(&self, name: &str) -> Path {
        Path::from(format!("{}{name}", self.start()))
    }

    /// Returns what all keys of the store begin with.
    pub(super) fn start(&self) -> String {
        if self.place.prefix.is_empty() { String::new() } else { format!("{}/", self.place.prefix) }
    }

    /// Returns how a name is called before people.
    pub(super) fn url(&self, name: &str) -> String {
        format!("s3://{}/{}{name}", self.place.bucket, self.start())
    }

    pub(super) fn failed(&self, doing: &'static str, name: &str, error: &object_store::Error) -> OpsError {
        let Failure { fault, reason } = fault::read(error);
        OpsError::Bucket { doing, what: self.url(name), fault, reason }
    }

    /// Reads an object whole; `None` where there is none.
    pub(super) async fn get(&self, name: &str, patience: Duration) -> Result<Option<Bytes>, OpsError> {
        let key = self.key(name);
        match patiently(patience, || async { self.s3.get(&key).await?.bytes().await }).await {
            Ok(content) => Ok(Some(content)),
            Err(error) if fault::is_missing(&error) => Ok(None),
            Err(error) => Err(self.failed("read", name, &error)),
        }
    }

    /// Reads a piece of an object, and what is known of all of it; `None` where there is none.
    pub(super) async fn get_range(
        &self,
        name: &str,
        range: Range<u64>,
        unchanged: Option<&str>,
    ) -> Result<Option<(ObjectMeta, Bytes)>, OpsError> {
        let key = self.key(name);
        let attempt = || async {
            let options = GetOptions::default().with_range(Some(range.clone())).with_if_match(unchanged);
            let found = self.s3.get_opts(&key, options).await?;
            let meta = found.meta.clone();
            Ok((meta, found.bytes().await?))
        };
        match patiently(self.options.patience, attempt).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if fault::is_missing(&error) => Ok(None),
            Err(error) => Err(self.failed("read", name, &error)),
        }
    }

    /// Returns what is known of an object; `None` where there is none.
    pub(super) async fn head(&self, name: &str) -> Result<Option<ObjectMeta>, OpsError> {
        let key = self.key(name);
        match patiently(self.options.patience, || self.s3.head(&key)).await {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("look at", name, &error)),
        }
    }

    /// Writes an object, in place of one of that name.
    pub(super) async fn put(&self, name: &str, content: Bytes, patience: Duration) -> Result<(), OpsError> {
        self.put_through(&Gate::default(), name, content, patience).await
    }

    /// As [`Bucket::put`], as long as `gate` lets it pass.
    pub(super) async fn put_through(
        &self,
        gate: &Gate,
        name: &str,
        content: Bytes,
        patience: Duration,
    ) -> Result<(), OpsError> {
        let (key, tries) = (self.key(name), AtomicU32::new(0));
        let attempt = || {
            tries.fetch_add(1, Ordering::Relaxed);
            gate.pass(self.s3.put(&key, content.clone().into()))
        };
        match patiently(patience, attempt).await {
            Ok(_) => Ok(()),
            // the answer to a try before may have been lost, and what is there must not be written over
            Err(error) if tries.into_inner() > 1 && fault::read(&error).fault == Fault::Denied => {
                match self.get(name, patience).await? {
                    Some(there) if there == content => Ok(()),
                    _ => Err(self.failed("write", name, &error)),
                }
            }
            Err(error) => Err(self.failed("write", name, &error)),
        }
    }

    /// Writes an object that must be new; returns whether it is ours. When an answer was lost, the object that is there may be
    /// the one this wrote before: then it is.
    pub(super) async fn create(
        &self,
        name: &str,
        content: Bytes,
        patience: Duration,
    ) -> Result<bool, OpsError> {
        let (key, tries) = (self.key(name), AtomicU32::new(0));
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let attempt = || {
            tries.fetch_add(1, Ordering::Relaxed);
            self.s3.put_opts(&key, PutPayload::from(content.clone()), options.clone())
        };
        match patiently(patience, attempt).await {
            Ok(_) => Ok(true),
            Err(error) if tries.into_inner() > 1 && fault::read(&error).fault == Fault::Denied => {
                match self.get(name, patience).await? {
                    Some(there) => Ok(there == content),
                    None => Err(self.failed("write", name, &error)),
                }
            }
            Err(object_store::Error::AlreadyExists { .. }) => {
                Ok(self.get(name, patience).await?.is_some_and(|there| there == content))
            }
            Err(error) => Err(self.failed("write", name, &error)),
        }
    }

    /// Removes an object; one that is not there is no error.
    pub(super) async fn delete(&self, name: &str) -> Result<(), OpsError> {
        let key = self.key(name);
        match patiently(BRIEFLY, || self.s3.delete(&key)).await {
            Ok(()) => Ok(()),
            Err(error) if fault::is_missing(&error) => Ok(()),
            Err(error) => Err(self.failed("remove", name, &error)),
        }
    }

    /// Removes objects, some at once.
    pub(super) async fn delete_all(&self, names: Vec<String>) -> Result<(), OpsError> {
        let removals = stream::iter(names).map(|name| async move { self.delete(&name).await });
        removals.buffer_unordered(REMOVERS).try_collect().await
    }

    /// Shows `take` every object whose name begins with `prefix`, page by page, in the order of their names.
    pub(super) async fn list(
        &self,
        prefix: &str,
        mut take: impl FnMut(&str, &ObjectMeta),
    ) -> Result<(), OpsError> {
        let start = self.start();
        let whole = format!("{start}{prefix}");
        let mut page_token = None;
        loop {
            let attempt = || {
                let options = PaginatedListOptions { page_token: page_token.clone(), ..Default::default() };
                self.s3.list_paginated(Some(whole.as_str()).filter(|text| !text.is_empty()), options)
            };
            let page =
                patiently(BRIEFLY, attempt).await.map_err(|error| self.failed("list", prefix, &error))?;
            for object in &page.result.objects {
                if let Some(name) = object.location.as_ref().strip_prefix(&start) {
                    take(name, object);
                }
            }
            match page.page_token {
                Some(next) => page_token = Some(next),
                None => return Ok(()),
            }
        }
    }
}

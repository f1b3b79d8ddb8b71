//! A backup on its way into a bucket: files go up in parts while they are made, the manifest last.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use object_store::PutPayload;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use super::bucket::Bucket;
use super::engine::patiently;
use super::gate::Gate;
use super::local::Local;
use super::sweep;
use crate::OpsError;
use crate::backup::BackupId;
use crate::store::{Draft, MANIFEST, Part};

/// How many parts an upload has at the most, by S3's rules.
const MOST_PARTS: usize = 10_000;

/// What a file may hold without one of the shared buffers, in bytes. The head of a file is written where nobody may wait: whoever
/// fills the buffers that are taken would wait with them.
const UNCOUNTED: usize = 64 << 10;

/// How long the removal of a failed backup may keep the program from ending.
const CLEANING: Duration = Duration::from_secs(20);

/// How much of that the answers to what is on its way are waited for.
const ANSWERS: Duration = Duration::from_secs(12);

#[derive(Debug)]
pub(super) struct S3Draft {
    bucket: Arc<Bucket>,
    local: Arc<Local>,
    id: BackupId,
    /// Those of all its files.
    gates: Mutex<Vec<Arc<Gate>>>,
    committed: bool,
}

impl S3Draft {
    /// Notes that a backup is begun; nothing is sent yet.
    pub(super) fn begin(bucket: Arc<Bucket>, local: Arc<Local>, id: &BackupId) -> Result<Self, OpsError> {
        local.note(id)?;
        Ok(Self { bucket, local, id: id.clone(), gates: Mutex::default(), committed: false })
    }

    fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.id)
    }
}

impl Draft for S3Draft {
    fn create(&self, name: &str) -> Result<Box<dyn Part>, OpsError> {
        let gate = Arc::<Gate>::default();
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&gate));
        Ok(Box::new(S3Part {
            bucket: Arc::clone(&self.bucket),
            local: Arc::clone(&self.local),
            id: self.id.clone(),
            gate,
            name: self.name(name),
            buffer: Vec::new(),
            permit: None,
            upload: None,
            sent: Vec::new(),
            failure: Arc::default(),
            bytes: 0,
            kept: false,
        }))
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), OpsError> {
        let (bucket, name, content) =
            (Arc::clone(&self.bucket), self.name(name), Bytes::copy_from_slice(content));
        let patience = bucket.options.patience;
        self.bucket.engine.wait(async move { bucket.put(&name, content, patience).await })
    }

    fn commit(mut self: Box<Self>, manifest: &[u8]) -> Result<(), OpsError> {
        let (bucket, name, content) =
            (Arc::clone(&self.bucket), self.name(MANIFEST), Bytes::copy_from_slice(manifest));
        let patience = bucket.options.patience;
        let created = {
            let name = name.clone();
            self.bucket.engine.wait(async move { bucket.create(&name, content, patience).await })?
        };
        // whatever is there is another's, and is not to be cleaned away
        self.committed = true;
        self.local.finished(&self.id);
        match created {
            true => Ok(()),
            false => Err(OpsError::Refused(format!("{} is there already", self.bucket.url(&name)))),
        }
    }
}

impl Drop for S3Draft {
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        let (bucket, local, id) = (Arc::clone(&self.bucket), Arc::clone(&self.local), self.id.clone());
        let gates = std::mem::take(self.gates.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.bucket.engine.wait_at_most(CLEANING, async move {
            let closing = join_all(gates.iter().map(|gate| gate.close()));
            // what is not answered by then may come after this: the note stays, and the next run cleans once more
            let _ = tokio::time::timeout(ANSWERS, closing).await;
            let _ = sweep::clean(&bucket, &id, local.noted_uploads(&id)).await;
        });
    }
}

/// An object that is being written: whole, when it is small, else in parts.
struct S3Part {
    bucket: Arc<Bucket>,
    local: Arc<Local>,
    id: BackupId,
    gate: Arc<Gate>,
    name: String,
    buffer: Vec<u8>,
    permit: Option<OwnedSemaphorePermit>,
    upload: Option<String>,
    sent: Vec<JoinHandle<Option<PartId>>>,
    failure: Arc<Mutex<Option<OpsError>>>,
    bytes: u64,
    kept: bool,
}

impl S3Part {
    fn key(&self) -> Path {
        self.bucket.key(&self.name)
    }

    /// Takes one of the buffers all parts share; waits while there is none.
    fn take_buffer(&mut self) -> Result<(), OpsError> {
        if self.permit.is_none() {
            let buffers = Arc::clone(&self.bucket.buffers);
            let stopped = || OpsError::Refused("the store was closed".into());
            let permit = self
                .bucket
                .engine
                .wait(async move { buffers.acquire_owned().await.map_err(|_| stopped()) })?;
            self.permit = Some(permit);
        }
        Ok(())
    }

    /// Makes room for `more` bytes: twice as much each time, but never more than a part has.
    fn reserve(&mut self, more: usize) {
        let (length, capacity) = (self.buffer.len(), self.buffer.capacity());
        if capacity - length < more {
            let wanted = (capacity * 2).clamp(length + more, self.bucket.options.part_bytes);
            self.buffer.reserve_exact(wanted - length);
        }
    }

    /// Returns what stopped a part that was sent before, or all of them.
    fn check(&self) -> Result<(), OpsError> {
        if !self.gate.is_open() {
            return Err(OpsError::Refused("the backup was given up".into()));
        }
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.map_or(Ok(()), Err)
    }

    /// Sends the buffer as the next part.
    fn send(&mut self) -> Result<(), OpsError> {
        self.check()?;
        let index = self.sent.len();
        if index >= MOST_PARTS {
            return Err(OpsError::Refused(format!(
                "{} would have more than {MOST_PARTS} parts; set s3.part-size higher",
                self.bucket.url(&self.name)
            )));
        }
        let upload = self.upload()?;
        let (bucket, name, key) = (Arc::clone(&self.bucket), self.name.clone(), self.key());
        let payload = PutPayload::from(Bytes::from(std::mem::take(&mut self.buffer)));
        let (permit, failure, gate) = (self.permit.take(), Arc::clone(&self.failure), Arc::clone(&self.gate));
        self.sent.push(self.bucket.engine.handle().spawn(async move {
            let _buffer = permit;
            let _turn = bucket.senders.acquire().await;
            let attempt = || gate.pass(bucket.s3.put_part(&key, &upload, index, payload.clone()));
            match patiently(bucket.options.patience, attempt).await {
                Ok(part) => Some(part),
                Err(error) => {
                    let error = bucket.failed("write a part of", &name, &error);
                    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    None
                }
            }
        }));
        Ok(())
    }

    /// Begins the upload, once.
    fn upload(&mut self) -> Result<String, OpsError> {
        if let Some(upload) = &self.upload {
            return Ok(upload.clone());
        }
        let (bucket, name, key) = (Arc::clone(&self.bucket), self.name.clone(), self.key());
        let (gate, local, id) = (Arc::clone(&self.gate), Arc::clone(&self.local), self.id.clone());
        let upload = self.bucket.engine.wait(async move {
            // noted before the gate can be closed: whoever closes it goes by the notes
            let begin = || {
                gate.pass(async {
                    let upload = bucket.s3.create_multipart(&key).await?;
                    let noted = local.note_upload(&id, &name, &upload);
                    Ok((upload, noted))
                })
            };
            let (upload, noted) = patiently(bucket.options.patience, begin)
                .await
                .map_err(|error| bucket.failed("begin the upload of", &name, &error))?;
            Ok((upload, noted))
        });
        let (upload, noted) = upload?;
        self.upload = Some(upload.clone());
        noted?;
        Ok(upload)
    }

    /// Waits for all parts and makes them one object.
    fn complete(&mut self) -> Result<(), OpsError> {
        let upload = self.upload()?;
        let (bucket, gate, name, key, sent, bytes) = (
            Arc::clone(&self.bucket),
            Arc::clone(&self.gate),
            self.name.clone(),
            self.key(),
            std::mem::take(&mut self.sent),
            self.bytes,
        );
        let expected = sent.len();
        let parts = self.bucket.engine.wait(async move {
            let mut parts = Vec::with_capacity(expected);
            for task in sent {
                parts.extend(task.await.ok().flatten());
            }
            Ok(parts)
        })?;
        self.check()?;
        if parts.len() != expected {
            return Err(OpsError::Refused("the sending of a part was stopped".into()));
        }
        self.bucket.engine.wait(async move {
            let tries = AtomicU32::new(0);
            let attempt = || {
                tries.fetch_add(1, Ordering::Relaxed);
                gate.pass(bucket.s3.complete_multipart(&key, &upload, parts.clone()))
            };
            match patiently(bucket.options.patience, attempt).await {
                Ok(_) => Ok(()),
                // the answer to a try before may have been lost; then the upload is gone and the object is there
                Err(_)
                    if tries.into_inner() > 1
                        && bucket.head(&name).await?.is_some_and(|object| object.size == bytes) =>
                {
                    Ok(())
                }
                Err(error) => Err(bucket.failed("complete", &name, &error)),
            }
        })
    }
}

impl Write for S3Part {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + data.len() > UNCOUNTED {
            self.take_buffer().map_err(io::Error::other)?;
        }
        let room = self.bucket.options.part_bytes - self.buffer.len();
        let taken = &data[..data.len().min(room)];
        self.reserve(taken.len());
        self.buffer.extend_from_slice(taken);
        self.bytes += taken.len() as u64;
        if self.buffer.len() == self.bucket.options.part_bytes {
            self.send().map_err(io::Error::other)?;
        }
        Ok(taken.len())
    }

    /// What is not a whole part yet stays here until the end.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Part for S3Part {
    fn keep(&mut self) -> io::Result<()> {
        self.check().map_err(io::Error::other)?;
        let kept = if self.upload.is_none() {
            let (bucket, gate, name) = (Arc::clone(&self.bucket), Arc::clone(&self.gate), self.name.clone());
            let content = Bytes::from(std::mem::take(&mut self.buffer));
            let patience = bucket.options.patience;
            let kept = self
                .bucket
                .engine
                .wait(async move { bucket.put_through(&gate, &name, content, patience).await });
            self.permit = None;
            kept
        } else {
            let last = if self.buffer.is_empty() { Ok(()) } else { self.send() };
            last.and_then(|()| self.complete())
        };
        kept.map_err(io::Error::other)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for S3Part {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let (bucket, gate, name) = (Arc::clone(&self.bucket), Arc::clone(&self.gate), self.name.clone());
        let (upload, sent) = (self.upload.take(), std::mem::take(&mut self.sent));
        self.bucket.engine.handle().spawn(async move {
            gate.close().await;
            // those that wait for their turn, or pause before another try
            sent.iter().for_each(JoinHandle::abort);
            if let Some(upload) = upload {
                // what stays is given up by the draft's own cleaning, or by the next run
                let _ = bucket.give_up(&name, &upload).await;
            }
        });
    }
}

//! Sealing beside the network: a thread of its own compresses, encrypts, hashes and writes what a task reads.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use unisys_db::fingerprint::{RowDigest, RowFacts, Seed};

use crate::OpsError;
use crate::seal::{Sealed, StoredFile};

/// How many full batches may wait; more would only be memory.
const WAITING: usize = 2;

enum Feed {
    Batch(Vec<u8>),
    End,
}

/// A file being sealed by a thread. Dropped before [`SealingTask::finish`], the file stays incomplete and is worth nothing.
pub(crate) struct SealingTask {
    full: mpsc::Sender<Feed>,
    empty: mpsc::Receiver<Vec<u8>>,
    thread: JoinHandle<Result<(StoredFile, RowFacts), OpsError>>,
}

impl SealingTask {
    /// Starts the thread; with a seed, what passes is rows, to be counted and fingerprinted.
    pub(crate) fn start(sealed: Sealed, seed: Option<Seed>) -> Self {
        let (full, feed) = mpsc::channel(WAITING);
        let (spent, empty) = mpsc::channel(WAITING + 2);
        let thread = tokio::task::spawn_blocking(move || seal(sealed, seed, feed, &spent));
        Self { full, empty, thread }
    }

    /// Returns an empty batch to fill, one used before where there is one.
    pub(crate) fn batch(&mut self) -> Vec<u8> {
        self.empty.try_recv().unwrap_or_default()
    }

    /// Hands a batch over; waits while the thread is behind.
    ///
    /// # Errors
    /// What stopped the thread.
    pub(crate) async fn send(&mut self, batch: Vec<u8>) -> Result<(), OpsError> {
        if self.full.send(Feed::Batch(batch)).await.is_ok() {
            return Ok(());
        }
        match (&mut self.thread).await {
            Ok(Err(error)) => Err(error),
            _ => Err(OpsError::Refused("the sealing thread ended early".into())),
        }
    }

    /// Ends the file and returns what was stored, and what is known of the rows.
    ///
    /// # Errors
    /// [`OpsError::Write`].
    pub(crate) async fn finish(self) -> Result<(StoredFile, RowFacts), OpsError> {
        // when the thread is gone already, its result says why
        let _ = self.full.send(Feed::End).await;
        match self.thread.await {
            Ok(result) => result,
            Err(_) => Err(OpsError::Refused("the sealing thread was stopped".into())),
        }
    }
}

fn seal(
    mut sealed: Sealed,
    seed: Option<Seed>,
    mut feed: mpsc::Receiver<Feed>,
    spent: &mpsc::Sender<Vec<u8>>,
) -> Result<(StoredFile, RowFacts), OpsError> {
    let mut digest = seed.map(RowDigest::new);
    loop {
        match feed.blocking_recv() {
            Some(Feed::Batch(mut batch)) => {
                if let Some(digest) = &mut digest {
                    digest.update(&batch);
                }
                sealed.write(&batch)?;
                batch.clear();
                // a full or closed channel only means that the batch is freed instead
                let _ = spent.try_send(batch);
            }
            Some(Feed::End) => {
                let facts = digest.map(|digest| digest.facts()).unwrap_or_default();
                return sealed.finish().map(|file| (file, facts));
            }
            None => return Err(OpsError::Refused("the file was given up".into())),
        }
    }
}

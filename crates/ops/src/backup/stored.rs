//! Whether the stored files are, byte for byte, the ones the manifest names: asked by a check, and before a restore changes
//! anything, because a damaged file gives out good data before it shows that it is damaged.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::{BackupId, Finding};
use crate::OpsError;
use crate::keys::hex;
use crate::progress::{Expected, Progress};
use crate::seal::StoredFile;
use crate::store::{Store, read_failed};

/// Compares the stored bytes of files with what the manifest says of them, `jobs` files at once, until `enough` are found wrong.
///
/// # Errors
/// [`OpsError`] when the store fails; what is wrong with a file is a [`Finding`].
pub(crate) async fn examine(
    store: &dyn Store,
    id: &BackupId,
    files: &[StoredFile],
    enough: usize,
    jobs: usize,
    progress: &Arc<dyn Progress>,
) -> Result<Vec<Finding>, OpsError> {
    let queue = Arc::new(Mutex::new(files.iter().cloned().collect::<VecDeque<_>>()));
    let found = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..jobs.max(1) {
        let (store, id, queue, found) = (store.shared(), id.clone(), Arc::clone(&queue), Arc::clone(&found));
        let progress = Arc::clone(progress);
        workers.spawn_blocking(move || {
            let mut findings = Vec::new();
            // a function of its own, so that the lock is not held while a file is read
            let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            while found.load(Ordering::Relaxed) < enough
                && let Some(file) = next()
            {
                let item = progress.start(&file.name, Expected::bytes(file.bytes));
                if let Some(problem) = problem(&*store, &id, &file, &mut |bytes| item.advance(bytes, 0))? {
                    findings.push(Finding { file: file.name, problem });
                    found.fetch_add(1, Ordering::Relaxed);
                }
                item.finish();
            }
            Ok(findings)
        });
    }
    let mut findings = Vec::new();
    while let Some(result) = workers.join_next().await {
        findings
            .append(&mut result.unwrap_or_else(|_| Err(OpsError::Refused("a worker was stopped".into())))?);
    }
    Ok(findings)
}

/// Returns what is wrong with a file's stored bytes; `advance` is told how many were read.
///
/// # Errors
/// [`OpsError`] when the store fails, which tells nothing about the file.
pub(crate) fn problem(
    store: &dyn Store,
    id: &BackupId,
    expected: &StoredFile,
    advance: &mut dyn FnMut(u64),
) -> Result<Option<String>, OpsError> {
    let mut read = || -> Result<(u64, String), OpsError> {
        let mut stored = store.read(id, &expected.name)?;
        let (mut hash, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 256 * 1024]);
        loop {
            match stored.read(&mut buffer).map_err(|error| read_failed(error, &expected.name))? {
                0 => return Ok((size, hex(&hash.finalize()))),
                read => {
                    hash.update(&buffer[..read]);
                    size += read as u64;
                    advance(read as u64);
                }
            }
        }
    };
    Ok(match read() {
        Err(OpsError::Open { reason, .. }) => Some(reason),
        Err(OpsError::Io { source, .. }) => Some(format!("it cannot be read: {source}")),
        Err(error) => return Err(error),
        Ok((size, _)) if size != expected.bytes => {
            Some(format!("it has {size} bytes, the manifest says {}", expected.bytes))
        }
        Ok((_, sha256)) if sha256 != expected.sha256 => {
            Some(format!("its SHA-256 is {sha256}, the manifest says {}", expected.sha256))
        }
        Ok(_) => None,
    })
}

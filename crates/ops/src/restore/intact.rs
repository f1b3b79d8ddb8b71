//! Whether the stored files are the ones the backup was made of: asked before a restore changes anything, because a damaged
//! file gives out good data before it shows that it is damaged.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::load::blocking;
use super::open::OpenBackup;
use crate::OpsError;
use crate::keys::hex;
use crate::progress::{Expected, Progress};
use crate::seal::StoredFile;

/// Reads every stored file and compares its size and hash, `jobs` files at once.
///
/// # Errors
/// [`OpsError::Open`] naming the first file that is not what it was; [`OpsError::Io`] for a missing one.
pub(super) async fn check(
    backup: &Arc<OpenBackup>,
    jobs: usize,
    progress: &Arc<dyn Progress>,
) -> Result<(), OpsError> {
    progress.begin("check the stored files", Expected::bytes(backup.manifest.stored_bytes()));
    let queue: VecDeque<StoredFile> = backup.manifest.files.iter().cloned().collect();
    let queue = Arc::new(Mutex::new(queue));
    let mut workers = JoinSet::new();
    for _ in 0..jobs.max(1) {
        let (backup, queue, progress) = (Arc::clone(backup), Arc::clone(&queue), Arc::clone(progress));
        workers.spawn(blocking(move || {
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(file) = next else { return Ok(()) };
                check_file(&backup, &file, &*progress)?;
            }
        }));
    }
    while let Some(result) = workers.join_next().await {
        result.unwrap_or_else(|_| Err(OpsError::Refused("a worker was stopped".into())))?;
    }
    Ok(())
}

fn check_file(backup: &OpenBackup, file: &StoredFile, progress: &dyn Progress) -> Result<(), OpsError> {
    let damaged = |reason: String| OpsError::Open { name: file.name.clone(), reason };
    let item = progress.start(&file.name, Expected::bytes(file.bytes));
    let mut stored = backup.store.read(&backup.manifest.id, &file.name)?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 256 * 1024]);
    loop {
        match stored.read(&mut buffer).map_err(|error| damaged(error.to_string()))? {
            0 => break,
            read => {
                hash.update(&buffer[..read]);
                bytes += read as u64;
                item.advance(read as u64, 0);
            }
        }
    }
    if bytes != file.bytes || hex(&hash.finalize()) != file.sha256 {
        return Err(damaged("it is not the file the manifest names (size or SHA-256 differ)".into()));
    }
    item.finish();
    Ok(())
}

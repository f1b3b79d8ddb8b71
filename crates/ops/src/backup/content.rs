//! A stored file's content on its way into a program: a thread decrypts, a task hands on.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;
use unisys_db::copy::BATCH;

use crate::OpsError;
use crate::restore::OpenBackup;

/// Passes a file's content to a program and closes its input. A program that has seen enough is no error: the file is read to
/// its authenticated end all the same.
///
/// # Errors
/// [`OpsError::Open`]; what the program made of it must then be thrown away.
pub(super) async fn feed(
    backup: &Arc<OpenBackup>,
    name: &str,
    mut stdin: ChildStdin,
) -> Result<u64, OpsError> {
    let (batches, mut waiting) = mpsc::channel::<Bytes>(2);
    let (backup, file) = (Arc::clone(backup), name.to_owned());
    let reader = tokio::task::spawn_blocking(move || {
        let mut batch = Vec::with_capacity(2 * BATCH);
        let mut size = 0;
        // nobody waits for the rest when the task that reads is gone
        let gone = || OpsError::Refused("the reading task ended".into());
        backup.copy_to(&file, &mut |data| {
            size += data.len() as u64;
            batch.extend_from_slice(data);
            if batch.len() >= BATCH {
                batches.blocking_send(std::mem::take(&mut batch).into()).map_err(|_| gone())?;
            }
            Ok(())
        })?;
        batches.blocking_send(batch.into()).map_err(|_| gone())?;
        Ok(size)
    });
    let mut listens = true;
    while let Some(batch) = waiting.recv().await {
        listens = listens && stdin.write_all(&batch).await.is_ok();
    }
    // a pipe that broke shows in how the program ends
    let _ = stdin.shutdown().await;
    drop(stdin);
    reader.await.unwrap_or_else(|_| Err(OpsError::Refused("the reading thread was stopped".into())))
}

//! Where pg_restore reads an archive from: a file, or the stored backup itself, decrypted on its way and never on disk.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use unisys_db::copy::BATCH;

use super::load::{Restore, blocking};
use super::open::OpenBackup;
use super::toc::{self, Entry, SequenceValue};
use crate::OpsError;
use crate::child::Running;
use std::collections::BTreeSet;

const PROGRAM: &str = "pg_restore";

/// An archive.
#[derive(Clone, Debug)]
pub(super) enum Archive {
    /// A file, decrypted. pg_restore reads it in any order and with several jobs.
    File(PathBuf),
    /// A stored file of this name. pg_restore reads it once, from the front: entries must be asked for in their own order.
    Sealed(&'static str),
}

/// How much of a stored file must have been read and found whole when pg_restore has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// pg_restore may stop where it knows enough, which for a table of contents is near the front.
    Enough,
    /// All of it: age tells that a file was cut only at its end.
    End,
}

impl Archive {
    /// Runs pg_restore on the archive to the end.
    pub(super) async fn run(&self, mut command: Command, backup: &Arc<OpenBackup>) -> Result<(), OpsError> {
        match self {
            Self::File(path) => Running::run(with(command, path), PROGRAM).await,
            Self::Sealed(name) => {
                let (running, stdin) = Running::start_writing(take(&mut command), PROGRAM)?;
                let fed = feed(stdin, Arc::clone(backup), name, Until::End).await;
                judge(running.finish().await, fed)
            }
        }
    }

    /// Runs pg_restore on the archive and returns its whole output; for lists and definitions.
    pub(super) async fn output(
        &self,
        mut command: Command,
        backup: &Arc<OpenBackup>,
    ) -> Result<Vec<u8>, OpsError> {
        match self {
            Self::File(path) => Running::output(with(command, path), PROGRAM).await,
            Self::Sealed(name) => {
                let (running, stdin, mut stdout) = Running::start_both(take(&mut command), PROGRAM)?;
                let mut output = Vec::new();
                let fed = feed(stdin, Arc::clone(backup), name, Until::Enough);
                let (fed, read) = tokio::join!(fed, stdout.read_to_end(&mut output));
                judge(running.finish().await, fed)?;
                read.map_err(|source| OpsError::Spawn { program: PROGRAM.into(), source })?;
                Ok(output)
            }
        }
    }

    /// Starts pg_restore on a stored file, to read its output while it runs; ended by [`Reading::finish`].
    pub(super) fn start_reading(
        &self,
        mut command: Command,
        backup: &Arc<OpenBackup>,
    ) -> Result<(Reading, ChildStdout), OpsError> {
        match self {
            Self::File(path) => {
                let (running, stdout) = Running::start_reading(with(command, path), PROGRAM)?;
                Ok((Reading { running, feeder: None }, stdout))
            }
            Self::Sealed(name) => {
                let (running, stdin, stdout) = Running::start_both(take(&mut command), PROGRAM)?;
                let feeder = tokio::spawn(feed(stdin, Arc::clone(backup), name, Until::End));
                Ok((Reading { running, feeder: Some(feeder) }, stdout))
            }
        }
    }
}

/// A pg_restore whose output is being read.
pub(super) struct Reading {
    running: Running,
    feeder: Option<tokio::task::JoinHandle<Result<(), OpsError>>>,
}

impl Reading {
    /// Waits for the end; says whether all of the stored file was read and found whole.
    pub(super) async fn finish(self) -> Result<(), OpsError> {
        let ended = self.running.finish().await;
        let fed = match self.feeder {
            Some(feeder) => {
                feeder.await.unwrap_or_else(|_| Err(OpsError::Refused("the reading task was stopped".into())))
            }
            None => Ok(()),
        };
        judge(ended, fed)
    }
}

fn with(mut command: Command, path: &PathBuf) -> Command {
    command.arg(path);
    command
}

fn take(command: &mut Command) -> Command {
    std::mem::replace(command, Command::new(""))
}

/// A damaged file makes pg_restore fail as well; then the file is what there is to tell of.
fn judge(ended: Result<(), OpsError>, fed: Result<(), OpsError>) -> Result<(), OpsError> {
    match (ended, fed) {
        (_, Err(error @ OpsError::Open { .. })) => Err(error),
        (Err(error), _) | (Ok(()), Err(error)) => Err(error),
        (Ok(()), Ok(())) => Ok(()),
    }
}

/// Decrypts a stored file into a child's input: a thread decrypts, this task writes. That the child stops reading is no error
/// here; its exit status tells whether it was one.
async fn feed(
    mut stdin: ChildStdin,
    backup: Arc<OpenBackup>,
    name: &'static str,
    until: Until,
) -> Result<(), OpsError> {
    let (batches, mut waiting) = mpsc::channel::<Bytes>(2);
    let reader = blocking(move || {
        let mut batch = Vec::with_capacity(2 * BATCH);
        let mut wanted = true;
        let result = backup.copy_to(name, &mut |data| {
            batch.extend_from_slice(data);
            if batch.len() >= BATCH {
                wanted = wanted && batches.blocking_send(std::mem::take(&mut batch).into()).is_ok();
                batch.clear();
                if !wanted && until == Until::Enough {
                    return Err(OpsError::Refused("enough was read".into()));
                }
            }
            Ok(())
        });
        if result.is_ok() {
            let _ = batches.blocking_send(batch.into());
        }
        match result {
            Err(OpsError::Refused(_)) if until == Until::Enough => Ok(()),
            result => result,
        }
    });
    let writer = async move {
        while let Some(batch) = waiting.recv().await {
            if stdin.write_all(&batch).await.is_err() {
                break;
            }
        }
        // dropping `waiting` tells the reader, dropping `stdin` the child
    };
    let (read, ()) = tokio::join!(reader, writer);
    read
}

impl Restore {
    /// Loads what is in an archive that can be read only once and from the front: all entries in their own order, then the
    /// sequences' values, which are in the table of contents.
    pub(super) async fn load_stream(
        &self,
        archive: &Archive,
        entries: &[Entry],
        bulk: &BTreeSet<u32>,
    ) -> Result<Vec<SequenceValue>, OpsError> {
        let elsewhere = |entry: &&Entry| entry.is(&["TABLE DATA"]) && bulk.contains(&entry.oid);
        let list = self.write_list("rows.list", entries.iter().filter(|entry| !elsewhere(entry)))?;
        self.pg_restore(&self.inside(), archive, &[], Some(&list)).await?;
        let mut sequences = entries.iter().filter(|entry| entry.is(&["SEQUENCE SET"])).peekable();
        if sequences.peek().is_none() {
            return Ok(Vec::new());
        }
        let list = self.write_list("sequences.list", sequences)?;
        let mut command = self.command(&self.target);
        command.args(["-f", "-", "-L"]).arg(&list);
        let script = archive.output(command, &self.backup).await?;
        toc::sequence_values(&String::from_utf8_lossy(&script))
    }
}

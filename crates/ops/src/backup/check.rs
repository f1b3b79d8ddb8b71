//! Checking a stored backup: that every byte is the one that was written, and with a key, that the bytes mean what they should.

mod read;
mod signatures;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::{BackupId, Manifest, stored};
use crate::OpsError;
use crate::drill::{self, chain};
use crate::evidence::{SIGNATURE, Trust, Verdict};
use crate::keys::Identities;
use crate::program::Search;
use crate::progress::{Expected, Progress};
use crate::restore::OpenBackup;
use crate::store::{MANIFEST, Store};
use serde::Serialize;

/// The file that tells people how to restore.
pub(super) const RESTORE: &str = "RESTORE.txt";

/// How a backup is checked.
#[derive(Clone)]
pub struct CheckOptions {
    /// How many files are read at once.
    pub jobs: usize,
    /// What it takes to read the data too, where that is asked for.
    pub read_data: Option<ReadData>,
    /// Whose signatures count.
    pub trust: Trust,
    /// Who is told how far it is.
    pub progress: Arc<dyn Progress>,
}

/// What it takes to read a backup's data.
#[derive(Clone)]
pub struct ReadData {
    /// The keys to decrypt with.
    pub identities: Identities,
    /// Where PostgreSQL's programs are looked for.
    pub search: Search,
}

/// Something wrong with a stored backup.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The file, by its name in the backup.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What a check did and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The backup.
    pub id: BackupId,
    /// How many files the manifest names.
    pub files: u64,
    /// How many bytes they have as stored.
    pub bytes: u64,
    /// Whether the data was read too.
    pub data_read: bool,
    /// How many rows of COPY files were counted and fingerprinted.
    pub rows: u64,
    /// What the manifest's signature is worth; nothing where the manifest cannot be read.
    pub signature: Option<Verdict>,
    /// What is wrong; empty when nothing is.
    pub findings: Vec<Finding>,
}

/// Checks one backup.
///
/// # Errors
/// [`OpsError`] when the check could not be done: no such backup, a key that does not fit, a missing program. What is wrong with
/// the backup is no error but a [`Finding`].
pub async fn check(
    store: &dyn Store,
    id: &BackupId,
    options: &CheckOptions,
) -> Result<CheckReport, OpsError> {
    let _hold = store.hold(id)?;
    let mut report = CheckReport {
        id: id.clone(),
        files: 0,
        bytes: 0,
        data_read: false,
        rows: 0,
        signature: None,
        findings: Vec::new(),
    };
    let (manifest, signature) = match OpenBackup::judged(store, id, &options.trust) {
        Ok((manifest, _, signature)) => (manifest, signature),
        Err(error @ OpsError::NewerFormat { .. }) => return Err(error),
        Err(error) => {
            report.findings.push(finding(MANIFEST, chain(&error)));
            return Ok(report);
        }
    };
    report.files = manifest.files.len() as u64;
    report.bytes = manifest.stored_bytes();
    report.findings = strangers(store, &manifest)?;
    report.findings.extend(signatures::check(store, id, &signature, &options.trust)?);
    report.signature = Some(signature);
    options.progress.begin("check", Expected::bytes(report.bytes));
    if let Some(data) = &options.read_data
        && let Some(backup) = read::open(store, id, &manifest, data, &mut report.findings)?
    {
        report.data_read = true;
        read::read(Arc::new(backup), data, options, &mut report).await?;
    } else {
        let (jobs, progress) = (options.jobs, &options.progress);
        report
            .findings
            .extend(stored::examine(store, id, &manifest.files, usize::MAX, jobs, progress).await?);
    }
    report.findings.sort();
    Ok(report)
}

fn finding(file: &str, problem: impl Into<String>) -> Finding {
    Finding { file: file.to_owned(), problem: problem.into() }
}

/// Returns the files that are there though nothing names them. A missing one shows when it is read.
fn strangers(store: &dyn Store, manifest: &Manifest) -> Result<Vec<Finding>, OpsError> {
    let mut known: BTreeSet<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    known.extend([MANIFEST, RESTORE]);
    let present = store.names(&manifest.id)?;
    let signed = |name: &str| name == MANIFEST || drill::is_record(name);
    let strange = |name: &String| {
        !known.contains(name.as_str())
            && !drill::is_record(name)
            && !name.strip_suffix(SIGNATURE).is_some_and(signed)
    };
    let mut findings: Vec<Finding> = present
        .iter()
        .filter(|name| strange(name))
        .map(|name| finding(name, "it does not belong to the backup"))
        .collect();
    // where the manifest does not name it, its being there is all that can be checked
    if !present.iter().any(|name| name == RESTORE) && !manifest.files.iter().any(|file| file.name == RESTORE)
    {
        findings.push(finding(RESTORE, "it is missing"));
    }
    Ok(findings)
}

fn next<T>(queue: &Mutex<VecDeque<T>>) -> Option<T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

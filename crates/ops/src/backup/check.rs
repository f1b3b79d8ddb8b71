//! Checking a stored backup: that every byte is the one that was written, and with a key, that the bytes mean what they should.

mod read;

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::{BackupId, Manifest};
use crate::OpsError;
use crate::drill::{self, chain};
use crate::keys::{Identities, hex};
use crate::program::Search;
use crate::progress::{Expected, Progress};
use crate::restore::OpenBackup;
use crate::retention;
use crate::seal::StoredFile;
use crate::store::{DirectoryStore, MANIFEST};

/// The file that tells people how to restore.
pub(super) const RESTORE: &str = "RESTORE.txt";

/// How a backup is checked.
#[derive(Clone)]
pub struct CheckOptions {
    /// How many files are read at once.
    pub jobs: usize,
    /// What it takes to read the data too, where that is asked for.
    pub read_data: Option<ReadData>,
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
    /// What is wrong; empty when nothing is.
    pub findings: Vec<Finding>,
}

/// Checks one backup.
///
/// # Errors
/// [`OpsError`] when the check could not be done: no such backup, a key that does not fit, a missing program. What is wrong with
/// the backup is no error but a [`Finding`].
pub async fn check(
    store: &DirectoryStore,
    id: &BackupId,
    options: &CheckOptions,
) -> Result<CheckReport, OpsError> {
    let path = store.path(id);
    if !path.is_dir() {
        return Err(OpsError::Refused(format!("there is no backup {id} in {}", store.root().display())));
    }
    let mut report =
        CheckReport { id: id.clone(), files: 0, bytes: 0, data_read: false, rows: 0, findings: Vec::new() };
    let manifest = match OpenBackup::manifest(store, id) {
        Ok((manifest, _)) => manifest,
        Err(error @ OpsError::NewerFormat { .. }) => return Err(error),
        Err(error) => {
            report.findings.push(finding(MANIFEST, chain(&error)));
            return Ok(report);
        }
    };
    report.files = manifest.files.len() as u64;
    report.bytes = manifest.stored_bytes();
    report.findings = strangers(&path, &manifest)?;
    options.progress.begin("check", Expected::bytes(report.bytes));
    if let Some(data) = &options.read_data
        && let Some(backup) = read::open(store, id, &manifest, data, &mut report.findings)?
    {
        report.data_read = true;
        read::read(Arc::new(backup), data, options, &mut report).await?;
    } else {
        report.findings.extend(hash_all(&path, manifest.files, options).await?);
    }
    report.findings.sort();
    Ok(report)
}

fn finding(file: &str, problem: impl Into<String>) -> Finding {
    Finding { file: file.to_owned(), problem: problem.into() }
}

/// Returns the files that are there though nothing names them. A missing one shows when it is read.
fn strangers(path: &Path, manifest: &Manifest) -> Result<Vec<Finding>, OpsError> {
    let mut known: BTreeSet<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    known.extend([MANIFEST, RESTORE]);
    let mut present = Vec::new();
    walk(path, "", &mut present)?;
    let strange = |name: &String| {
        !known.contains(name.as_str()) && !drill::is_record(name) && !retention::is_beside(name)
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

/// Collects the names of all files below `path`, with `/` between directories.
fn walk(path: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), OpsError> {
    for entry in fs::read_dir(path).map_err(OpsError::io("list", path))? {
        let entry = entry.map_err(OpsError::io("list", path))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(OpsError::io("look at", entry.path()))?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}

/// Compares the stored bytes of all files with the manifest, `jobs` at a time.
async fn hash_all(
    path: &Path,
    files: Vec<StoredFile>,
    options: &CheckOptions,
) -> Result<Vec<Finding>, OpsError> {
    let queue = Arc::new(Mutex::new(VecDeque::from(files)));
    let mut workers = JoinSet::new();
    for _ in 0..options.jobs.max(1) {
        let (path, queue) = (path.to_owned(), Arc::clone(&queue));
        let progress = Arc::clone(&options.progress);
        workers.spawn_blocking(move || {
            let mut findings = Vec::new();
            while let Some(file) = next(&queue) {
                let item = progress.start(&file.name, Expected::bytes(file.bytes));
                let problem = hash(&path.join(&file.name), &file, &mut |bytes| item.advance(bytes, 0));
                findings.extend(problem.map(|problem| finding(&file.name, problem)));
                item.finish();
            }
            findings
        });
    }
    let mut findings = Vec::new();
    while let Some(found) = workers.join_next().await {
        findings.extend(found.map_err(|_| OpsError::Refused("a worker was stopped".into()))?);
    }
    Ok(findings)
}

fn next<T>(queue: &Mutex<VecDeque<T>>) -> Option<T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// Returns what is wrong with a file's stored bytes.
fn hash(path: &Path, expected: &StoredFile, advance: &mut dyn FnMut(u64)) -> Option<String> {
    let mut read = || -> io::Result<(u64, String)> {
        let mut file = fs::File::open(path)?;
        let (mut hash, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 256 * 1024]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok((size, hex(&hash.finalize()))),
                read => {
                    hash.update(&buffer[..read]);
                    size += read as u64;
                    advance(read as u64);
                }
            }
        }
    };
    match read() {
        Err(error) => Some(unreadable(&error)),
        Ok((size, _)) if size != expected.bytes => {
            Some(format!("it has {size} bytes, the manifest says {}", expected.bytes))
        }
        Ok((_, sha256)) if sha256 != expected.sha256 => {
            Some(format!("its SHA-256 is {sha256}, the manifest says {}", expected.sha256))
        }
        Ok(_) => None,
    }
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it is missing".to_owned(),
        _ => format!("it cannot be read: {error}"),
    }
}

//! The deep check: everything is decrypted and unpacked, rows are counted and fingerprinted, archives read by pg_restore.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;
use unisys_db::fingerprint::{RowDigest, RowFacts, Seed};

use super::{CheckOptions, CheckReport, Finding, RESTORE, ReadData, finding, next};
use crate::OpsError;
use crate::backup::content::feed;
use crate::backup::{BackupId, FACTS, Manifest, stored};
use crate::child::Running;
use crate::drill::chain;
use crate::evidence::Trust;
use crate::program::Programs;
use crate::progress::Expected;
use crate::restore::OpenBackup;
use crate::seal::StoredFile;
use crate::store::{MANIFEST, Store};

/// Opens the backup; `None` with a finding when it is the backup's fault that it does not open.
///
/// # Errors
/// [`OpsError`] when the facts are as they were written, and it is the key that does not fit.
pub(super) fn open(
    store: &dyn Store,
    id: &BackupId,
    manifest: &Manifest,
    data: &ReadData,
    findings: &mut Vec<Finding>,
) -> Result<Option<OpenBackup>, OpsError> {
    // what the signature is worth is a finding of its own, and no reason not to read the data
    let error = match OpenBackup::open(store, id, data.identities.clone(), &Trust::default()) {
        Ok(backup) => return Ok(Some(backup)),
        Err(error) => error,
    };
    let intact = match manifest.file(FACTS) {
        Ok(file) => stored::problem(store, id, file, &mut |_| ())?.is_none(),
        Err(_) => false,
    };
    match error {
        OpsError::Corrupt(problem) => findings.push(finding(MANIFEST, problem)),
        error if intact => return Err(error),
        // the files' own check says what is wrong with the facts
        _ => {}
    }
    Ok(None)
}

/// Reads everything, `jobs` files at a time.
pub(super) async fn read(
    backup: Arc<OpenBackup>,
    data: &ReadData,
    options: &CheckOptions,
    report: &mut CheckReport,
) -> Result<(), OpsError> {
    let programs = Programs::client_for(&data.search, backup.facts.database.major())?;
    let queue = Arc::new(Mutex::new(VecDeque::from(backup.manifest.files.clone())));
    let mut workers = JoinSet::new();
    for _ in 0..options.jobs.max(1) {
        workers.spawn(worker(Arc::clone(&backup), programs.clone(), Arc::clone(&queue), options.clone()));
    }
    let mut rows = BTreeMap::new();
    while let Some(result) = workers.join_next().await {
        let (found, counted) =
            result.unwrap_or_else(|_| Err(OpsError::Refused("a worker was stopped".into())))?;
        report.findings.extend(found);
        rows.extend(counted);
    }
    report.rows = rows.values().map(|facts: &RowFacts| facts.rows).sum();
    report.findings.extend(tables(&backup, &rows));
    Ok(())
}

type Counted = BTreeMap<String, RowFacts>;

async fn worker(
    backup: Arc<OpenBackup>,
    programs: Programs,
    queue: Arc<Mutex<VecDeque<StoredFile>>>,
    options: CheckOptions,
) -> Result<(Vec<Finding>, Counted), OpsError> {
    let (mut findings, mut rows) = (Vec::new(), Counted::new());
    while let Some(file) = next(&queue) {
        let item = options.progress.start(&file.name, Expected::bytes(file.bytes));
        match content(&backup, &programs, &file).await {
            Ok(Content { size, .. }) if size != file.content_bytes => {
                let problem = format!("it holds {size} bytes, the manifest says {}", file.content_bytes);
                findings.push(finding(&file.name, problem));
            }
            Ok(Content { rows: Some(facts), .. }) => {
                rows.insert(file.name.clone(), facts);
            }
            Ok(_) => {}
            Err(OpsError::Io { source, .. }) => {
                findings.push(finding(&file.name, format!("it cannot be read: {source}")));
            }
            Err(OpsError::Open { reason, .. }) => findings.push(finding(&file.name, reason)),
            Err(error) if error.blames_the_backup() => findings.push(finding(&file.name, chain(&error))),
            Err(error) => return Err(error),
        }
        item.advance(file.bytes, 0);
        item.finish();
    }
    Ok((findings, rows))
}

/// What a file turned out to hold.
struct Content {
    size: u64,
    rows: Option<RowFacts>,
}

async fn content(
    backup: &Arc<OpenBackup>,
    programs: &Programs,
    file: &StoredFile,
) -> Result<Content, OpsError> {
    if file.name.contains(".dump.") {
        return Ok(Content { size: archive(backup, programs, &file.name).await?, rows: None });
    }
    let (backup, file) = (Arc::clone(backup), file.clone());
    let reading = tokio::task::spawn_blocking(move || match file.name.as_str() {
        RESTORE => plain(&backup, &file),
        name if name.contains(".copy.") => copied(&backup, name),
        name => sealed(&backup, name),
    });
    reading.await.unwrap_or_else(|_| Err(OpsError::Refused("a thread was stopped".into())))
}

/// Lets pg_restore read an archive to its end, as if it made a script of it. A dump that was cut short before it was sealed
/// shows here alone.
async fn archive(backup: &Arc<OpenBackup>, programs: &Programs, name: &str) -> Result<u64, OpsError> {
    let mut command = programs.command("pg_restore");
    command.args(["-f", "-"]);
    let (running, stdin) = Running::start_writing(command, "pg_restore")?;
    let size = feed(backup, name, stdin).await?;
    running.finish().await?;
    Ok(size)
}

fn plain(backup: &OpenBackup, file: &StoredFile) -> Result<Content, OpsError> {
    match stored::problem(&*backup.store, &backup.manifest.id, file, &mut |_| ())? {
        Some(reason) => Err(OpsError::Open { name: file.name.clone(), reason }),
        None => Ok(Content { size: file.content_bytes, rows: None }),
    }
}

fn sealed(backup: &OpenBackup, name: &str) -> Result<Content, OpsError> {
    let mut size = 0;
    backup.copy_to(name, &mut |data| {
        size += data.len() as u64;
        Ok(())
    })?;
    Ok(Content { size, rows: None })
}

fn copied(backup: &OpenBackup, name: &str) -> Result<Content, OpsError> {
    let mut rows = Rows::new(backup.facts.seed);
    backup.copy_to(name, &mut |data| {
        rows.update(data);
        Ok(())
    })?;
    if !rows.rest.is_empty() {
        return Err(OpsError::Corrupt("its last row has no end".into()));
    }
    let facts = rows.digest.facts();
    Ok(Content { size: facts.bytes, rows: Some(facts) })
}

/// Counts and fingerprints rows that arrive in pieces which may end anywhere.
struct Rows {
    digest: RowDigest,
    rest: Vec<u8>,
}

impl Rows {
    fn new(seed: Seed) -> Self {
        Self { digest: RowDigest::new(seed), rest: Vec::new() }
    }

    fn update(&mut self, mut data: &[u8]) {
        if let (false, Some(end)) = (self.rest.is_empty(), memchr::memchr(b'\n', data)) {
            self.rest.extend_from_slice(&data[..=end]);
            self.digest.update(&self.rest);
            self.rest.clear();
            data = &data[end + 1..];
        }
        let whole = memchr::memrchr(b'\n', data).map_or(0, |end| end + 1);
        self.digest.update(&data[..whole]);
        self.rest.extend_from_slice(&data[whole..]);
    }
}

/// Compares what the files of each table held together with the facts. A table with a file that could not be read is told of
/// there.
fn tables(backup: &OpenBackup, counted: &Counted) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (table, facts) in backup.manifest.tables.iter().zip(&backup.facts.tables) {
        let files: Vec<_> = table.files.iter().filter_map(|name| counted.get(name)).collect();
        if table.files.is_empty() || files.len() < table.files.len() {
            continue;
        }
        let mut sum = RowFacts::default();
        files.into_iter().for_each(|rows| sum.add(rows));
        let file = table.files.join(", ");
        if sum.rows != facts.rows.rows {
            let problem =
                format!("{} rows of {}, the facts say {}", sum.rows, facts.table.name, facts.rows.rows);
            findings.push(finding(&file, problem));
        } else if sum != facts.rows {
            let problem = format!("the rows of {} are not those that were backed up", facts.table.name);
            findings.push(finding(&file, problem));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_same_however_the_text_is_cut() {
        let seed = Seed::random();
        let text = b"a\n\nbc\tdef\nlong row without an end yet\nlast\n";
        let mut whole = RowDigest::new(seed);
        whole.update(text);
        for size in 1..text.len() + 1 {
            let mut rows = Rows::new(seed);
            text.chunks(size).for_each(|piece| rows.update(piece));
            assert_eq!((rows.digest.facts(), rows.rest.len()), (whole.facts(), 0), "pieces of {size}");
        }
    }

    #[test]
    fn a_row_without_an_end_stays_over() {
        let mut rows = Rows::new(Seed::random());
        rows.update(b"a\nb");
        assert_eq!((rows.digest.facts().rows, rows.rest.as_slice()), (1, &b"b"[..]));
    }
}

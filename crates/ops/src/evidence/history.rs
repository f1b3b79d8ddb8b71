//! The drills of backups that were removed: RTO and RPO over years, and what an auditor asks for.
//!
//! ```text
//! history/app/2026-11/ID_drill-….json     one drill, kept while its backup is removed
//! history/app/2026-10.json                a month that is over: all its drills in one file
//! ```
//!
//! Nothing is ever written over, and nothing needs to be removed: where a bucket keeps what was put together, it is passed over.
//! So ten years of nightly drills are 120 files to read, and those of one month. A record and its signature are kept to the byte.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{BackedUp, Evidence, Exhibit, Trust, examine, signature_name};
use crate::backup::{BackupId, Finding};
use crate::drill::{self, DrillRecord, chain};
use crate::restore::OpenBackup;
use crate::store::Store;
use crate::{OpsError, at_once};

/// The form this build writes, and the newest it reads.
const FORMAT: u32 = 1;

/// A drill of a backup that was removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The version of this form.
    pub format: u32,
    /// The backup.
    pub backup: BackupId,
    /// What the record's file was called beside it.
    pub file: String,
    /// When it was kept, because the backup was to go (UTC).
    pub kept: DateTime<Utc>,
    /// The record, to the byte: its signature is of these.
    pub record: String,
    /// The record's signature, where it had one.
    pub signature: Option<String>,
    /// What the manifest said; no signature is of this. Nothing where the manifest could not be read.
    pub manifest: Option<BackedUp>,
}

/// A month that is over.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Month {
    format: u32,
    drills: Vec<Kept>,
}

/// What a store remembers of removed backups.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The drills, in no order.
    pub drills: Vec<Kept>,
    /// Files of it that cannot be read.
    pub problems: Vec<Finding>,
}

impl Kept {
    /// Returns the drill with what its record is worth. Its manifest is gone; the record has that one's hash.
    pub fn exhibit(&self, trust: &Trust) -> Exhibit {
        let signature = self.signature.as_ref().map(String::as_bytes);
        let record = drill::judged(&self.file, self.record.as_bytes(), signature, trust);
        let evidence = examine::of_removed(&self.backup, &self.file, self.kept, record);
        Exhibit { evidence, backup: self.manifest.clone() }
    }

    /// Returns its record, unless that is damaged or does not fit its signature.
    pub fn record(&self) -> Option<DrillRecord> {
        let Exhibit { evidence, .. } = self.exhibit(&Trust::default());
        let Evidence { record, record_signature, backup, .. } = evidence;
        let sound = record_signature?.problem().is_none();
        record.filter(|record| sound && record.backup == backup)
    }

    fn name(&self) -> String {
        format!("{}_{}", self.backup, self.file)
    }
}

/// Keeps the drills of a backup that is about to be removed. Those that are kept already stay as they are.
///
/// # Errors
/// [`OpsError`] when the store does not take them.
pub(crate) fn keep(store: &dyn Store, id: &BackupId, now: DateTime<Utc>) -> Result<(), OpsError> {
    let files = drill::names(store, id)?;
    if files.is_empty() {
        return Ok(());
    }
    let manifest = OpenBackup::manifest(store, id).ok().map(|(manifest, _)| BackedUp::from(manifest));
    for file in files {
        let text = |name: &str| Ok::<_, OpsError>(store.read_small(id, name)?.map(String::from_utf8));
        // what is no text never was a record
        let Some(Ok(record)) = text(&file)? else { continue };
        let signature = text(&signature_name(&file))?.and_then(Result::ok);
        let (backup, manifest) = (id.clone(), manifest.clone());
        let kept = Kept { format: FORMAT, backup, file, kept: now, record, signature, manifest };
        let name = format!("{}/{}/{}", id.database_slug(), now.format("%Y-%m"), kept.name());
        store.keep(&name, &json(&kept)?)?;
    }
    Ok(())
}

/// Puts the drills of each month that is over into one file.
///
/// # Errors
/// [`OpsError`]; then they stay as they are, and nothing is lost.
pub(crate) fn close_months(store: &dyn Store, slug: &str, now: DateTime<Utc>) -> Result<(), OpsError> {
    let names = Names::of(store, slug)?;
    let current = format!("{slug}/{}", now.format("%Y-%m"));
    let over: BTreeSet<&str> = names.singles.iter().filter_map(|name| month_of(name)).collect();
    for month in over.into_iter().filter(|month| **month < *current) {
        let bundle = format!("{month}.json");
        if names.bundles.contains(&bundle) {
            continue;
        }
        let start = format!("{month}/");
        let of_month = names.singles.iter().filter(|name| name.starts_with(&start)).cloned().collect();
        // a damaged one stays as it is
        let read = |name: String| told(&name, read_single(store, &name));
        let mut drills: Vec<Kept> = at_once::each(of_month, read)?.into_iter().flatten().collect();
        drills.sort_by_key(Kept::name);
        store.keep(&bundle, &json(&Month { format: FORMAT, drills })?)?;
        drop_singles(store, &bundle)?;
    }
    Ok(())
}

/// Removes the single files of what a month's file holds; those that cannot be removed do no harm.
fn drop_singles(store: &dyn Store, bundle: &str) -> Result<(), OpsError> {
    let month = bundle.trim_end_matches(".json");
    for kept in read_bundle(store, bundle)? {
        let _ = store.remove_kept(&format!("{month}/{}", kept.name()));
    }
    Ok(())
}

/// Copies what another store lacks of the history of a database.
///
/// # Errors
/// [`OpsError`] of either store.
pub(crate) fn copy(from: &dyn Store, to: &dyn Store, slug: &str) -> Result<(), OpsError> {
    let (names, there) = (Names::of(from, slug)?, Names::of(to, slug)?);
    for name in names.singles.difference(&there.singles).chain(names.bundles.difference(&there.bundles)) {
        // another run may have put it into its month meanwhile: the next one copies that
        let Some(content) = from.read_kept(name)? else { continue };
        let in_a_month = month_of(name).is_some_and(|month| there.bundles.contains(&format!("{month}.json")));
        if !in_a_month {
            to.keep(name, &content)?;
        }
    }
    names.bundles.difference(&there.bundles).try_for_each(|bundle| drop_singles(to, bundle))
}

/// Returns what a store remembers of removed backups, of one database where `slug` names it as it stands in ids.
///
/// # Errors
/// [`OpsError`] when the store cannot be read. What is wrong with a file is told in its place.
pub fn history(store: &dyn Store, slug: Option<&str>) -> Result<History, OpsError> {
    let names = match slug {
        Some(slug) => Names::of(store, slug)?,
        None => Names::starting(store, "")?,
    };
    let mut history = History::default();
    let bundles =
        at_once::each(names.bundles.into_iter().collect(), |name| told(&name, read_bundle(store, &name)))?;
    bundles.into_iter().for_each(|read| history.add(read));
    let known: BTreeSet<String> = history.drills.iter().map(Kept::name).collect();
    let mut singles: Vec<String> = names.singles.into_iter().collect();
    singles.retain(|name| name.rsplit('/').next().is_none_or(|name| !known.contains(name)));
    let singles = at_once::each(singles, |name| told(&name, read_single(store, &name)))?;
    singles.into_iter().for_each(|read| history.add(read.map(|kept| vec![kept])));
    Ok(history)
}

impl History {
    fn add(&mut self, read: Result<Vec<Kept>, Finding>) {
        match read {
            Ok(drills) => self.drills.extend(drills),
            Err(problem) => self.problems.push(problem),
        }
    }
}

/// What is wrong with one file is told; what is wrong with the store is an error.
fn told<T>(name: &str, read: Result<T, OpsError>) -> Result<Result<T, Finding>, OpsError> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(error @ (OpsError::Corrupt(_) | OpsError::NewerFormat { .. })) => {
            Ok(Err(Finding { file: format!("history/{name}"), problem: chain(&error) }))
        }
        Err(error) => Err(error),
    }
}

/// The files of the history.
struct Names {
    /// Months that are over: `app/2026-10.json`.
    bundles: BTreeSet<String>,
    /// One drill each: `app/2026-11/ID_drill-….json`.
    singles: BTreeSet<String>,
}

impl Names {
    fn of(store: &dyn Store, slug: &str) -> Result<Self, OpsError> {
        Self::starting(store, &format!("{slug}/"))
    }

    fn starting(store: &dyn Store, prefix: &str) -> Result<Self, OpsError> {
        let mut names = store.kept(prefix)?;
        names.retain(|name| name.ends_with(".json"));
        let (singles, bundles) = names.into_iter().partition(|name| month_of(name).is_some());
        Ok(Self { bundles, singles })
    }
}

/// Returns the month a single drill was kept in: `app/2026-11`.
fn month_of(name: &str) -> Option<&str> {
    name.rsplit_once('/').map(|(month, _)| month).filter(|month| month.contains('/'))
}

fn read_single(store: &dyn Store, name: &str) -> Result<Kept, OpsError> {
    parse(name, &content(store, name)?)
}

fn read_bundle(store: &dyn Store, name: &str) -> Result<Vec<Kept>, OpsError> {
    parse(name, &content(store, name)?).map(|month: Month| month.drills)
}

fn content(store: &dyn Store, name: &str) -> Result<Vec<u8>, OpsError> {
    let gone = || OpsError::Corrupt("it was removed while it was read".into());
    store.read_kept(name)?.ok_or_else(gone)
}

fn parse<T: for<'a> Deserialize<'a>>(name: &str, json: &[u8]) -> Result<T, OpsError> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let damaged = |error: serde_json::Error| OpsError::Corrupt(format!("it is damaged: {error}"));
    let head: Head = serde_json::from_slice(json).map_err(damaged)?;
    if head.format > FORMAT {
        return Err(OpsError::NewerFormat { what: name.to_owned(), format: head.format });
    }
    serde_json::from_slice(json).map_err(damaged)
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, OpsError> {
    serde_json::to_vec(value)
        .map_err(|error| OpsError::Corrupt(format!("the history cannot be written: {error}")))
}

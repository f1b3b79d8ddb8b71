//! The evidence of one drill, verified with public keys alone: no database, no server, no identity.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Trust, Verdict, signature_name};
use crate::OpsError;
use crate::backup::{BackupId, Finding};
use crate::drill::{self, DrillRecord, Outcome, chain};
use crate::keys::sha256;
use crate::restore::OpenBackup;
use crate::store::{MANIFEST, Store};

/// What the evidence of a drill is worth.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// The backup it stands beside.
    pub backup: BackupId,
    /// The record's file.
    pub file: String,
    /// The record; nothing where it cannot be read.
    pub record: Option<DrillRecord>,
    /// What the record's signature is worth.
    pub record_signature: Option<Verdict>,
    /// What the manifest's signature is worth; nothing where the manifest cannot be read.
    pub manifest_signature: Option<Verdict>,
    /// The SHA-256 of the manifest as it is stored.
    pub manifest_sha256: Option<String>,
    /// When the backup was removed and the record kept (UTC); the manifest is not there any more, and its hash is the record's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<DateTime<Utc>>,
    /// What is wrong; empty when the evidence holds.
    pub problems: Vec<Finding>,
}

impl Evidence {
    /// Whether a trusted key vouches for the record and for the very manifest that was drilled.
    pub fn holds(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether it holds, and what it tells is that the backup was restored and found equal.
    pub fn proves(&self) -> bool {
        self.holds() && self.record.as_ref().is_some_and(|record| record.outcome == Outcome::Proven)
    }

    fn problem(&mut self, file: &str, problem: impl Into<String>) {
        self.problems.push(Finding { file: file.to_owned(), problem: problem.into() });
    }

    /// Takes a record, and note of what is wrong with it.
    fn take(&mut self, record: DrillRecord, verdict: Verdict) {
        let file = self.file.clone();
        self.vouched(&file, &verdict);
        self.record_signature = Some(verdict);
        belongs(&record, self);
        self.record = Some(record);
    }

    /// Takes note of a signature: evidence is only what a trusted key vouches for.
    fn vouched(&mut self, file: &str, verdict: &Verdict) {
        match verdict {
            Verdict::Trusted { .. } => {}
            Verdict::Unsigned => self.problem(file, "it is not signed"),
            Verdict::Unknown { key } => {
                self.problem(file, format!("it is signed with {key}, and no key is trusted"));
            }
            other => self.problem(&signature_name(file), other.problem().unwrap_or_default()),
        }
    }
}

/// Returns the files of the records that stand beside a backup, sound or not, the oldest first.
///
/// # Errors
/// [`OpsError::Io`].
pub fn records(store: &dyn Store, id: &BackupId) -> Result<Vec<String>, OpsError> {
    drill::names(store, id)
}

/// Returns the file of the newest record beside a backup, sound or not.
///
/// # Errors
/// [`OpsError::Io`].
pub fn newest(store: &dyn Store, id: &BackupId) -> Result<Option<String>, OpsError> {
    Ok(records(store, id)?.pop())
}

/// Verifies the record in `file` beside a backup, and the backup's manifest: who signed them, and whether the record is about
/// this manifest.
///
/// # Errors
/// [`OpsError::Io`]. What is wrong with the evidence is no error.
pub fn examine(store: &dyn Store, id: &BackupId, file: &str, trust: &Trust) -> Result<Evidence, OpsError> {
    let mut evidence = Evidence {
        backup: id.clone(),
        file: file.to_owned(),
        record: None,
        record_signature: None,
        manifest_signature: None,
        manifest_sha256: OpenBackup::manifest_sha256(store, id)?,
        removed: None,
        problems: Vec::new(),
    };
    match OpenBackup::judged(store, id, trust) {
        Ok((_, json, verdict)) => {
            evidence.manifest_sha256 = Some(sha256(&json));
            evidence.vouched(MANIFEST, &verdict);
            evidence.manifest_signature = Some(verdict);
        }
        Err(error) if is_about_the_file(&error) => evidence.problem(MANIFEST, chain(&error)),
        Err(error) => return Err(error),
    }
    match drill::read(store, id, file, trust) {
        Ok((record, verdict)) => evidence.take(record, verdict),
        Err(error) if is_about_the_file(&error) => evidence.problem(file, chain(&error)),
        Err(error) => return Err(error),
    }
    Ok(evidence)
}

/// Returns what the record of a drill is worth whose backup was removed. The key that signed it vouches for the manifest too: that was
/// verified by the drill.
pub(super) fn of_removed(
    id: &BackupId,
    file: &str,
    removed: DateTime<Utc>,
    record: Result<(DrillRecord, Verdict), OpsError>,
) -> Evidence {
    let mut evidence = Evidence {
        backup: id.clone(),
        file: file.to_owned(),
        record: None,
        record_signature: None,
        manifest_signature: None,
        manifest_sha256: record.as_ref().ok().map(|(record, _)| record.manifest_sha256.clone()),
        removed: Some(removed),
        problems: Vec::new(),
    };
    match record {
        Ok((record, verdict)) => evidence.take(record, verdict),
        Err(error) => evidence.problem(file, chain(&error)),
    }
    evidence
}

/// Whether a file is to blame, not the store it is read from.
fn is_about_the_file(error: &OpsError) -> bool {
    matches!(error, OpsError::Corrupt(_) | OpsError::NewerFormat { .. })
}

/// Takes note where a record, sound in itself, is of something else than what it stands beside.
fn belongs(record: &DrillRecord, evidence: &mut Evidence) {
    let file = evidence.file.clone();
    if record.backup != evidence.backup {
        evidence.problem(&file, format!("it is the record of a drill of {}", record.backup));
    } else if evidence.manifest_sha256.as_ref() != Some(&record.manifest_sha256) {
        let drilled = &record.manifest_sha256;
        evidence
            .problem(&file, format!("the manifest that was drilled is another one, of SHA-256 {drilled}"));
    }
    if file != format!("{}.json", record.name()) {
        evidence.problem(&file, format!("it is the record {}", record.name()));
    }
}

//! The record a drill leaves beside the backup.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::compare::Compared;
use super::rto::Rto;
use crate::OpsError;
use crate::backup::BackupId;
use crate::evidence::{SigningKey, Subject, Trust, Verdict, signature_name, signature_of};
use crate::keys::ProvedKeys;
use crate::store::Store;

/// What the records of drills are called, before their moment.
const PREFIX: &str = "drill-";

/// How a drill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Restored, and equal to the facts.
    Proven,
    /// Not restored, or not equal.
    Failed,
}

/// What a drill did and found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillRecord {
    /// The version of this record's form.
    pub format: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The backup.
    pub backup: BackupId,
    /// The SHA-256 of the manifest that was drilled: the proof holds for these bytes and no others.
    pub manifest_sha256: String,
    /// When it was begun (UTC).
    pub started: DateTime<Utc>,
    /// What differs from the facts, a sentence each; empty when proven.
    pub differences: Vec<String>,
    /// What was compared.
    pub compared: Compared,
    /// What was not compared, and why.
    pub not_compared: Vec<String>,
    /// How long the restore took, in seconds: decrypting, loading, indexes and constraints, on a server that syncs nothing.
    pub restore_seconds: f64,
    /// How long the comparison took, in seconds.
    pub verify_seconds: f64,
    /// The recovery point: the backup's age when the drill began, in seconds.
    pub rpo_seconds: i64,
    /// Which keys opened it, and which of its keys were not there to be tried.
    #[serde(default)]
    pub keys: ProvedKeys,
    /// How many sessions restored at once.
    pub jobs: usize,
    /// The version of the server it was restored on.
    pub server_version: String,
    /// The version of this program.
    pub made_by: String,
    /// What a recovery is estimated to take; nothing where the backup could not be restored, or where it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<Rto>,
    /// The key this record is signed with, `SHA256:…`; the signature stands beside it, with `.sig` added to its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
}

impl DrillRecord {
    /// The form this build writes.
    pub const FORMAT: u32 = 1;

    /// Returns the record's name, which is its file's without the ending: `drill-20261121T030000000Z`.
    pub fn name(&self) -> String {
        format!("{PREFIX}{}", self.started.format("%Y%m%dT%H%M%S%3fZ"))
    }

    /// Writes the record beside its backup, signed where there is a key.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn write(&mut self, store: &dyn Store, key: Option<&SigningKey>) -> Result<(), OpsError> {
        self.signed_by = key.map(|key| key.public().id());
        let json = serde_json::to_vec_pretty(self)
            .map_err(|error| OpsError::Corrupt(format!("the drill's record cannot be written: {error}")))?;
        let name = format!("{}.json", self.name());
        if let Some(key) = key {
            // first, so that no record is ever seen without it
            let signature = key.sign(Subject::Drill, &json)?;
            store.write_beside(&self.backup, &signature_name(&name), &signature)?;
        }
        store.write_beside(&self.backup, &name, &json)
    }
}

/// Whether a file beside a backup's own is called as the records of drills are.
pub(crate) fn is_record(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(".json")
}

/// Returns the names of the records beside a backup, the oldest first.
///
/// # Errors
/// [`OpsError::Io`].
pub(crate) fn names(store: &dyn Store, id: &BackupId) -> Result<Vec<String>, OpsError> {
    let mut names = store.names_beside(id, PREFIX)?;
    names.retain(|name| is_record(name));
    Ok(names)
}

/// Reads a record, and returns it with what its signature is worth.
///
/// # Errors
/// [`OpsError::Corrupt`] when it is damaged, [`OpsError::NewerFormat`] when it is of a newer form; [`OpsError::Io`].
pub(crate) fn read(
    store: &dyn Store,
    id: &BackupId,
    name: &str,
    trust: &Trust,
) -> Result<(DrillRecord, Verdict), OpsError> {
    let json = store.read_small(id, name)?.unwrap_or_default();
    judged(name, &json, signature_of(store, id, name)?.as_deref(), trust)
}

/// Returns the record in `json`, with what its signature is worth.
///
/// # Errors
/// [`OpsError::Corrupt`] when it is damaged, [`OpsError::NewerFormat`] when it is of a newer form.
pub(crate) fn judged(
    name: &str,
    json: &[u8],
    signature: Option<&[u8]>,
    trust: &Trust,
) -> Result<(DrillRecord, Verdict), OpsError> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let damaged = |error: serde_json::Error| OpsError::Corrupt(format!("the record is damaged: {error}"));
    let head: Head = serde_json::from_slice(json).map_err(damaged)?;
    if head.format > DrillRecord::FORMAT {
        return Err(OpsError::NewerFormat { what: name.to_owned(), format: head.format });
    }
    let record: DrillRecord = serde_json::from_slice(json).map_err(damaged)?;
    let verdict = trust.judge(Subject::Drill, json, record.signed_by.as_deref(), signature);
    Ok((record, verdict))
}

/// Returns the records of a backup's drills, the oldest first. A record of a newer form, a damaged one, or one that does not fit
/// its signature proves nothing and is passed over.
///
/// # Errors
/// [`OpsError::Io`].
pub fn list(store: &dyn Store, id: &BackupId) -> Result<Vec<DrillRecord>, OpsError> {
    Ok(sound(store, id)?.into_iter().map(|(record, _)| record).collect())
}

/// As [`list`], each with whose signature it has.
///
/// # Errors
/// [`OpsError::Io`].
pub(crate) fn sound(store: &dyn Store, id: &BackupId) -> Result<Vec<(DrillRecord, Verdict)>, OpsError> {
    let mut records = Vec::new();
    for name in names(store, id)? {
        match read(store, id, &name, &Trust::default()) {
            Ok((record, verdict)) if verdict.problem().is_none() && record.backup == *id => {
                records.push((record, verdict));
            }
            Ok(_) | Err(OpsError::Corrupt(_) | OpsError::NewerFormat { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}

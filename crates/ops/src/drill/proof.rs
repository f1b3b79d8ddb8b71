//! The record a drill leaves beside the backup.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::compare::Compared;
use crate::OpsError;
use crate::backup::BackupId;
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
    /// How many sessions restored at once.
    pub jobs: usize,
    /// The version of the server it was restored on.
    pub server_version: String,
    /// The version of this program.
    pub made_by: String,
}

impl DrillRecord {
    /// The form this build writes.
    pub const FORMAT: u32 = 1;

    /// Returns the record's name, which is its file's without the ending: `drill-20261121T030000000Z`.
    pub fn name(&self) -> String {
        format!("{PREFIX}{}", self.started.format("%Y%m%dT%H%M%S%3fZ"))
    }

    /// Writes the record beside its backup.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn write(&self, store: &dyn Store) -> Result<(), OpsError> {
        let json = serde_json::to_vec_pretty(self)
            .map_err(|error| OpsError::Corrupt(format!("the drill's record cannot be written: {error}")))?;
        let name = format!("{}.json", self.name());
        store.write_beside(&self.backup, &name, &json)
    }
}

/// Whether a file beside a backup's own is called as the records of drills are.
pub(crate) fn is_record(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(".json")
}

/// Returns the records of a backup's drills, the oldest first. A record of a newer form, or a damaged one, proves nothing and is
/// passed over.
///
/// # Errors
/// [`OpsError::Io`].
pub fn list(store: &dyn Store, id: &BackupId) -> Result<Vec<DrillRecord>, OpsError> {
    let mut records = Vec::new();
    for name in store.names_beside(id, PREFIX)? {
        let json = store.read_small(id, &name)?.unwrap_or_default();
        records.extend(serde_json::from_slice::<DrillRecord>(&json));
    }
    records.retain(|record| record.format <= DrillRecord::FORMAT && record.backup == *id);
    Ok(records)
}

//! Drills with what they were made of, for a report.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Evidence, Trust, examine, records};
use crate::OpsError;
use crate::backup::{BackupId, Layout, Manifest};
use crate::restore::OpenBackup;
use crate::store::Store;

/// One drill: its evidence, and what the backup's manifest says.
#[derive(Clone, Debug, Serialize)]
pub struct Exhibit {
    /// What the drill's record says, and what that is worth.
    pub evidence: Evidence,
    /// What was backed up; nothing where the manifest cannot be read.
    pub backup: Option<BackedUp>,
}

/// What a manifest says of a backup as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackedUp {
    /// The database.
    pub database: String,
    /// The cluster it is from.
    pub system_identifier: String,
    /// The moment the data is of (UTC).
    pub moment: DateTime<Utc>,
    /// The write-ahead log's position at about that moment.
    pub lsn: String,
    /// How the rows are stored.
    pub layout: Layout,
    /// How many tables it has.
    pub tables: u64,
    /// How many rows they have together.
    pub rows: u64,
    /// How many large objects it has.
    pub large_objects: u64,
    /// How many files it has.
    pub files: u64,
    /// Their size, in bytes.
    pub stored_bytes: u64,
    /// The size of the database on the server, in bytes.
    pub database_bytes: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The server's version.
    pub server_version: String,
    /// The version of pg_dump.
    pub pg_dump_version: String,
    /// The version of this program that made it.
    pub made_by: String,
    /// Short names of the keys it is encrypted to.
    pub recipients: Vec<String>,
    /// What is known to be left out, in sentences.
    pub warnings: Vec<String>,
}

impl From<Manifest> for BackedUp {
    fn from(manifest: Manifest) -> Self {
        Self {
            tables: manifest.tables.len() as u64,
            rows: manifest.rows(),
            files: manifest.files.len() as u64,
            stored_bytes: manifest.stored_bytes(),
            database: manifest.database,
            system_identifier: manifest.system_identifier,
            moment: manifest.moment,
            lsn: manifest.lsn,
            layout: manifest.layout,
            large_objects: manifest.large_objects.objects,
            database_bytes: manifest.database_bytes,
            seconds: manifest.seconds,
            server_version: manifest.server_version,
            pg_dump_version: manifest.pg_dump_version,
            made_by: manifest.made_by,
            recipients: manifest.recipients,
            warnings: manifest.warnings,
        }
    }
}

/// Returns the drills of a backup, the oldest first, each with what it is worth.
///
/// # Errors
/// [`OpsError::Io`].
pub fn exhibits(store: &dyn Store, id: &BackupId, trust: &Trust) -> Result<Vec<Exhibit>, OpsError> {
    let files = records(store, id)?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let backup = OpenBackup::manifest(store, id).ok().map(|(manifest, _)| BackedUp::from(manifest));
    let exhibit =
        |file: &String| Ok(Exhibit { evidence: examine(store, id, file, trust)?, backup: backup.clone() });
    files.iter().map(exhibit).collect()
}

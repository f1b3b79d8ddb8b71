//! The two descriptions a backup carries of itself: the manifest, for everybody, and the facts, encrypted.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use unisys_db::catalog::{DatabaseFacts, Index};
use unisys_db::facts::TableFacts;
use unisys_db::fingerprint::{RowFacts, Seed};

use super::{BackupId, Layout, Selected, Tag};
use crate::OpsError;
use crate::seal::StoredFile;

/// The version of the backup format this build writes, and the newest it reads.
pub const FORMAT: u32 = 1;

/// What is inside a backup, readable without a key: names, counts, sizes, hashes, versions. No row data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format's version; first, so that a newer one is recognised before anything else is read.
    pub format: u32,
    /// The backup's name.
    pub id: BackupId,
    /// The database.
    pub database: String,
    /// The cluster it is from.
    pub system_identifier: String,
    /// The moment the data is of (UTC).
    pub moment: DateTime<Utc>,
    /// The write-ahead log's position at about that moment.
    pub lsn: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How the rows are stored.
    pub layout: Layout,
    /// The version of this program that made it.
    pub made_by: String,
    /// The server's version.
    pub server_version: String,
    /// The version of pg_dump; pg_restore must not be older.
    pub pg_dump_version: String,
    /// The size of the database on the server, in bytes.
    pub database_bytes: u64,
    /// The client encoding the COPY files are in.
    pub copy_encoding: String,
    /// Short names of the keys it is encrypted to.
    pub recipients: Vec<String>,
    /// What it holds of the database, where that is not everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Selected>,
    /// Whether it was read from a standby; then the position is what that had replayed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standby: bool,
    /// Which of them a passphrase opens: that in `key.age`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<String>,
    /// Where it comes from, when its keys were changed after it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rekeyed: Option<Rekeyed>,
    /// Its tables.
    pub tables: Vec<ManifestTable>,
    /// Its large objects.
    pub large_objects: LargeObjects,
    /// The key it is signed with, `SHA256:…`; the signature stands in `manifest.json.sig`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// What is known to be left out or to be watched, in sentences.
    pub warnings: Vec<String>,
    /// Words it was given when it was made, for retention.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Its files, but for the manifest.
    pub files: Vec<StoredFile>,
}

/// What a backup was before its keys were changed. The data is the same, to the byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rekeyed {
    /// Its name then.
    pub from: BackupId,
    /// The SHA-256 of its manifest then: what earlier proofs are about.
    pub manifest_sha256: String,
    /// When the keys were changed (UTC).
    pub at: DateTime<Utc>,
    /// The version of this program that changed them.
    pub by: String,
}

/// One table in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestTable {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// How many rows of it the backup holds.
    pub rows: u64,
    /// Whether its rows are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_rows: bool,
    /// Their COPY text, in bytes.
    pub bytes: u64,
    /// The files its rows are in; none when they are in `database.dump`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// How many large objects there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LargeObjects {
    /// How many.
    pub objects: u64,
}

/// Returns the client encoding rows are copied in: UTF-8, but where the database keeps bytes of no known encoding.
pub(crate) fn copy_encoding(database: &DatabaseFacts) -> &'static str {
    if database.encoding == "SQL_ASCII" { "SQL_ASCII" } else { "UTF8" }
}

impl Manifest {
    /// Returns which part of its database was asked for, in words; nothing where all of it was.
    pub fn part(&self) -> Option<String> {
        self.selection.as_ref().and_then(Selected::part)
    }

    /// Returns the manifest in `json`.
    ///
    /// # Errors
    /// [`OpsError::NewerFormat`] naming both versions when the format is newer than this build; [`OpsError::Corrupt`] otherwise.
    pub fn from_json(json: &[u8], what: &str) -> Result<Self, OpsError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let damaged = |error: serde_json::Error| {
            OpsError::Corrupt(format!("the manifest of {what} is damaged: {error}"))
        };
        let head: Head = serde_json::from_slice(json).map_err(damaged)?;
        if head.format > FORMAT {
            return Err(OpsError::NewerFormat { what: what.to_owned(), format: head.format });
        }
        serde_json::from_slice(json).map_err(damaged)
    }

    /// Returns its JSON text.
    ///
    /// # Errors
    /// [`OpsError::Corrupt`]; not for any value this program makes.
    pub fn to_json(&self) -> Result<Vec<u8>, OpsError> {
        serde_json::to_vec_pretty(self)
            .map_err(|error| OpsError::Corrupt(format!("the manifest cannot be written: {error}")))
    }

    /// Returns the stored file called `name`.
    ///
    /// # Errors
    /// [`OpsError::Corrupt`] when the manifest names none.
    pub fn file(&self, name: &str) -> Result<&StoredFile, OpsError> {
        let found = self.files.iter().find(|file| file.name == name);
        found.ok_or_else(|| OpsError::Corrupt(format!("the manifest of {} names no file {name}", self.id)))
    }

    /// Returns the size of its files as stored, in bytes.
    pub fn stored_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Returns how many rows its tables have together.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// What a drill must find again. It is encrypted with the data: fingerprints, definitions and the secret of the fingerprints.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFacts {
    /// The backup these facts are of; facts of another one are a forgery or a mistake.
    pub id: BackupId,
    /// The secret of the fingerprints.
    pub seed: Seed,
    /// The database itself.
    pub database: DatabaseFacts,
    /// What of it the backup holds, where that is not everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Selected>,
    /// Its tables, with their rows.
    pub tables: Vec<TableFacts>,
    /// The indexes of its tables: what building them again costs.
    pub indexes: Vec<Index>,
    /// The content, owners and access lists of its large objects.
    pub large_objects: RowFacts,
    /// The catalog.
    pub inventory: unisys_db::inventory::Inventory,
    /// The files written before this one, so that the manifest cannot lie about them.
    pub files: Vec<StoredFile>,
}

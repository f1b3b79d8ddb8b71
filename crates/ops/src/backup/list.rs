//! What a store holds: one line for each complete backup, the newest first.
//!
//! Reading ten thousand manifests takes seconds, so what was read is kept in the store's memory, under each backup's id and
//! the mark of its version: a proof written beside a backup changes that mark, and its line is read anew. What is changed
//! within a file is seen by a check, not here. The index is for listing alone; it may be lost, damaged or impossible to write.

mod index;

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::index::Entry;
use super::worth::{self, State};
use super::{BackupId, Layout, Manifest, Tag};
use crate::drill;
use crate::evidence::{Trust, signature_name};
use crate::keys::sha256;
use crate::restore::OpenBackup;
use crate::retention::Pin;
use crate::store::{MANIFEST, Store, Version};
use crate::{OpsError, at_once};

/// A backup changed this recently may change again within one tick of the store's clock, and look unchanged. Two seconds is the
/// coarsest clock in use (FAT's).
const TICK: Duration = Duration::from_secs(2);

/// One backup of a store. What only a sound manifest can tell is `None` without one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name.
    pub id: BackupId,
    /// The moment its data is of (UTC); without a manifest, the one in its name.
    pub moment: DateTime<Utc>,
    /// What it is worth.
    pub state: State,
    /// Why its manifest cannot be read.
    pub problem: Option<String>,
    /// When its newest proof that counts was begun.
    pub proven: Option<DateTime<Utc>>,
    /// When its newest drill was begun, however it ended.
    pub drilled: Option<DateTime<Utc>>,
    /// When its newest proof was begun that does not count, because nobody who is trusted vouches for it.
    #[serde(default)]
    pub doubted: Option<DateTime<Utc>>,
    /// Which part of its database it holds, in words; nothing where it was to hold all of it.
    #[serde(default)]
    pub part: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// The cluster.
    pub system_identifier: Option<String>,
    /// How many rows its tables have together.
    pub rows: Option<u64>,
    /// How many tables it has.
    pub tables: Option<u64>,
    /// How many large objects it has.
    pub large_objects: Option<u64>,
    /// The size of its files, in bytes.
    pub stored_bytes: Option<u64>,
    /// The size of the database on the server, in bytes.
    pub database_bytes: Option<u64>,
    /// How long it took, in seconds.
    pub seconds: Option<f64>,
    /// How the rows are stored.
    pub layout: Option<Layout>,
    /// The server's version.
    pub server_version: Option<String>,
    /// The version of this program that made it.
    pub made_by: Option<String>,
    /// The key its manifest is signed with, `SHA256:…`, whether or not it is trusted; nothing where it is not signed.
    pub signed_by: Option<String>,
    /// Short names of the keys it is encrypted to.
    pub recipients: Vec<String>,
    /// What is known to be left out.
    pub warnings: Vec<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Its pin; a pinned backup is never removed.
    #[serde(default)]
    pub pin: Option<Pin>,
}

impl Listed {
    /// Returns a backup of which nothing is known but its name.
    pub(crate) fn named(id: BackupId) -> Self {
        Self {
            moment: id.moment(),
            id,
            state: State::Unproven,
            problem: None,
            proven: None,
            drilled: None,
            doubted: None,
            part: None,
            database: None,
            system_identifier: None,
            rows: None,
            tables: None,
            large_objects: None,
            stored_bytes: None,
            database_bytes: None,
            seconds: None,
            layout: None,
            server_version: None,
            made_by: None,
            signed_by: None,
            recipients: Vec::new(),
            warnings: Vec::new(),
            tags: Vec::new(),
            pin: None,
        }
    }

    /// Whether it holds all that is wanted of its database: everything, or `part`, where the configuration asks for no more. One
    /// that cannot be read may have been whole.
    pub fn is_whole(&self, part: Option<&str>) -> bool {
        self.part.is_none() || self.part.as_deref() == part
    }
}

/// Returns the backups in `store`, the newest first; `now` tells how fresh a backup is, `trust` whose proofs count.
///
/// # Errors
/// [`OpsError`] when the store cannot be listed. A damaged backup is listed as such.
pub fn list(store: &dyn Store, trust: &Trust, now: DateTime<Utc>) -> Result<Vec<Listed>, OpsError> {
    let memory = store.memory();
    let mut known = memory.as_deref().map(index::read).unwrap_or_default();
    let settled = SystemTime::from(now).checked_sub(TICK).unwrap_or(SystemTime::UNIX_EPOCH);
    let before = known.len();
    let (mut all, mut keep, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for version in store.versions()? {
        match known.remove(&version.id).filter(|entry| entry.mark == version.mark) {
            Some(entry) if version.changed < settled => keep.push(entry),
            Some(entry) => all.push(entry),
            None => unknown.push(version),
        }
    }
    let mut fresh = false;
    for (changed, entry) in at_once::each(unknown, |version| Ok((version.changed, look(store, version)?)))? {
        if changed < settled {
            keep.push(entry);
            fresh = true;
        } else {
            all.push(entry);
        }
    }
    if let Some(memory) = memory.filter(|_| fresh || before != keep.len()) {
        // where it cannot be kept, it is read again the next time
        let _ = index::write(&memory, &keep);
    }
    all.append(&mut keep);
    let mut all: Vec<Listed> = all.into_iter().map(|entry| entry.judged(trust)).collect();
    all.sort_by(|a, b| b.moment.cmp(&a.moment).then_with(|| b.id.cmp(&a.id)));
    Ok(all)
}

/// Reads what there is to know of one backup.
fn look(store: &dyn Store, version: Version) -> Result<Entry, OpsError> {
    let Version { id, mark, .. } = version;
    let pin = Pin::read(store, &id)?;
    let bad = |error: OpsError, mark| Entry {
        mark,
        backup: Listed { pin: pin.clone(), ..unreadable(&id, &error) },
        drills: Vec::new(),
    };
    let (manifest, json, signature) = match OpenBackup::judged(store, &id, &Trust::default()) {
        Ok(read) => read,
        Err(error) => return Ok(bad(error, mark)),
    };
    if let Some(problem) = signature.problem() {
        return Ok(bad(OpsError::Corrupt(format!("{}: {problem}", signature_name(MANIFEST))), mark));
    }
    let drills = worth::drills(store, &id, &sha256(&json))?;
    let signed_by = signature.key().map(str::to_owned);
    Ok(Entry { mark, backup: Listed { pin, signed_by, ..summary(manifest) }, drills })
}

fn unreadable(id: &BackupId, error: &OpsError) -> Listed {
    let newer = matches!(error, OpsError::NewerFormat { .. });
    Listed {
        state: if newer { State::Newer } else { State::Damaged },
        problem: Some(drill::chain(error)),
        ..Listed::named(id.clone())
    }
}

fn summary(manifest: Manifest) -> Listed {
    Listed {
        part: manifest.part(),
        moment: manifest.moment,
        rows: Some(manifest.rows()),
        tables: Some(manifest.tables.len() as u64),
        large_objects: Some(manifest.large_objects.objects),
        stored_bytes: Some(manifest.stored_bytes()),
        database_bytes: Some(manifest.database_bytes),
        seconds: Some(manifest.seconds),
        layout: Some(manifest.layout),
        database: Some(manifest.database),
        system_identifier: Some(manifest.system_identifier),
        server_version: Some(manifest.server_version),
        made_by: Some(manifest.made_by),
        recipients: manifest.recipients,
        warnings: manifest.warnings,
        tags: manifest.tags,
        ..Listed::named(manifest.id)
    }
}

#[cfg(test)]
mod tests;

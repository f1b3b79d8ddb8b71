//! How long a backup and a drill may take, and how much room they need.

use serde::Serialize;

use crate::backup::{BackupId, Manifest};
use crate::drill;
use crate::restore::OpenBackup;
use crate::store::Store;

/// Bytes of a database (as `pg_database_size` counts, indexes included) backed up in a second by two sessions on two cores,
/// where nothing better is known.
const BACKUP_RATE: f64 = 100e6;
/// The same for a drill: restoring builds the indexes anew.
const DRILL_RATE: f64 = 30e6;
/// What a backup takes of a database's size, where nothing better is known: rows compress, and indexes are not stored.
const STORED_PART: f64 = 1.0 / 3.0;
/// How many of the newest backups are looked through for a drill.
const LOOKED_THROUGH: usize = 10;

/// What is expected of the next backup and drill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The size of the database, in bytes.
    pub database_bytes: u64,
    /// What the backup will take in the store, in bytes.
    pub stored_bytes: u64,
    /// How long the backup will take, in seconds.
    pub backup_seconds: f64,
    /// How long the drill will take, in seconds.
    pub drill_seconds: f64,
    /// The backup these figures come from; without one they are a rule of thumb.
    pub based_on: Option<BackupId>,
}

/// What a backup, and the newest drill, took.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Experience {
    pub(crate) id: BackupId,
    pub(crate) database_bytes: u64,
    pub(crate) stored_bytes: u64,
    pub(crate) backup_seconds: f64,
    /// The seconds of a drill for each byte of its database.
    pub(crate) drill_seconds_per_byte: Option<f64>,
}

/// Returns what the store remembers of a database; nothing where it has no backup that can be read.
pub(crate) fn experience(store: &dyn Store, database: &str) -> Option<Experience> {
    let start = format!("{}_", BackupId::slug(database));
    let mut ids = store.ids().ok()?;
    ids.retain(|id| id.as_str().starts_with(&start));
    // within one database, an id's text sorts by its moment
    ids.sort_by(|a, b| b.as_str().cmp(a.as_str()));
    let manifest = |id: &BackupId| OpenBackup::manifest(store, id).ok().map(|(manifest, _)| manifest);
    let newest = ids.iter().find_map(manifest).filter(|newest| newest.database == database)?;
    let drilled = ids.iter().take(LOOKED_THROUGH).filter_map(manifest);
    Some(Experience {
        drill_seconds_per_byte: drilled.into_iter().find_map(|manifest| drill_rate(store, &manifest)),
        database_bytes: newest.database_bytes,
        stored_bytes: newest.stored_bytes(),
        backup_seconds: newest.seconds,
        id: newest.id,
    })
}

fn drill_rate(store: &dyn Store, manifest: &Manifest) -> Option<f64> {
    let records = drill::list(store, &manifest.id).ok()?;
    let proven = records.into_iter().rev().find(|record| record.outcome == drill::Outcome::Proven)?;
    Some((proven.restore_seconds + proven.verify_seconds) / manifest.database_bytes.max(1) as f64)
}

/// Returns the estimate for a database of this size.
pub(crate) fn estimate(database_bytes: u64, experience: Option<&Experience>) -> Estimate {
    let size = database_bytes as f64;
    let rule_of_thumb = Estimate {
        database_bytes,
        stored_bytes: (size * STORED_PART) as u64,
        backup_seconds: size / BACKUP_RATE,
        drill_seconds: size / DRILL_RATE,
        based_on: None,
    };
    let Some(known) = experience else { return rule_of_thumb };
    let growth = size / known.database_bytes.max(1) as f64;
    Estimate {
        stored_bytes: (known.stored_bytes as f64 * growth) as u64,
        backup_seconds: known.backup_seconds * growth,
        drill_seconds: known.drill_seconds_per_byte.map_or(rule_of_thumb.drill_seconds, |rate| rate * size),
        based_on: Some(known.id.clone()),
        ..rule_of_thumb
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_twice_as_large_takes_twice_as_long() {
        let id = BackupId::parse("app_20261121T020000Z_7f3a").unwrap();
        let known = Experience {
            id: id.clone(),
            database_bytes: 1_000_000,
            stored_bytes: 200_000,
            backup_seconds: 3.0,
            drill_seconds_per_byte: Some(10.0 / 1_000_000.0),
        };
        let estimate = estimate(2_000_000, Some(&known));
        assert_eq!((estimate.stored_bytes, estimate.backup_seconds), (400_000, 6.0));
        assert!((estimate.drill_seconds - 20.0).abs() < 1e-9);
        assert_eq!(estimate.based_on, Some(id));
    }

    #[test]
    fn without_a_backup_there_is_a_rule_of_thumb() {
        let estimate = estimate(3_000_000_000, None);
        assert_eq!(
            (estimate.stored_bytes, estimate.backup_seconds, estimate.drill_seconds),
            (1_000_000_000, 30.0, 100.0)
        );
        assert_eq!(estimate.based_on, None);
    }
}

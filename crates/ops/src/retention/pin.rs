//! Pins: backups that no rule removes. A pin is a file beside the backup, so that it goes where the backup goes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::OpsError;
use crate::backup::BackupId;
use crate::store::Store;

/// The file's name.
pub(super) const PIN: &str = "pin.json";

/// The form this build writes.
const FORMAT: u32 = 1;

/// Why a backup must stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The version of the file's form.
    #[serde(default)]
    format: u32,
    /// When it was pinned (UTC); unknown where the file is damaged.
    pub pinned: Option<DateTime<Utc>>,
    /// Why, in somebody's words.
    pub reason: Option<String>,
    /// Whether it lapses once a newer backup of the same database is proven.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_proven: bool,
}

impl Pin {
    /// Returns a new pin.
    pub fn new(now: DateTime<Utc>, reason: Option<String>) -> Self {
        Self { format: FORMAT, pinned: Some(now), reason, until_proven: false }
    }

    /// Returns the pin as one that lapses once a newer backup of the same database is proven: what is kept before a change
    /// is of use until the state after it is safe.
    #[must_use]
    pub fn until_proven(self) -> Self {
        Self { until_proven: true, ..self }
    }

    /// Whether it has lapsed, for a backup of `moment`, when the newest proven one is of `newest_proven` (UTC).
    pub(super) fn has_lapsed(&self, moment: DateTime<Utc>, newest_proven: Option<DateTime<Utc>>) -> bool {
        self.until_proven && newest_proven.is_some_and(|proven| proven > moment)
    }

    /// Reads a backup's pin. A file that cannot be understood still pins: nothing is removed because something broke.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn read(store: &dyn Store, id: &BackupId) -> Result<Option<Self>, OpsError> {
        let damaged = || Self {
            format: FORMAT,
            pinned: None,
            reason: Some(format!("its {PIN} is damaged")),
            until_proven: false,
        };
        let json = store.read_small(id, PIN)?;
        Ok(json.map(|json| serde_json::from_slice(&json).unwrap_or_else(|_| damaged())))
    }

    /// Pins a backup; an earlier pin is replaced.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn write(&self, store: &dyn Store, id: &BackupId) -> Result<(), OpsError> {
        let json = serde_json::to_vec_pretty(self)
            .map_err(|error| OpsError::Corrupt(format!("the pin cannot be written: {error}")))?;
        store.write_beside(id, PIN, &json)
    }

    /// Takes a backup's pin away; returns whether there was one.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn remove(store: &dyn Store, id: &BackupId) -> Result<bool, OpsError> {
        let pinned = store.read_small(id, PIN)?.is_some();
        if pinned {
            store.remove_beside(id, PIN)?;
        }
        Ok(pinned)
    }
}

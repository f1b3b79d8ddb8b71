//! The eight modes of a table lock, and who waits for each.

use std::fmt;

use serde::Serialize;

/// A table lock's mode, weakest first (PostgreSQL documentation, "Explicit Locking").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    /// SELECT.
    AccessShare,
    /// SELECT … FOR UPDATE.
    RowShare,
    /// INSERT, UPDATE, DELETE.
    RowExclusive,
    /// VACUUM, ANALYZE, CREATE INDEX CONCURRENTLY, VALIDATE CONSTRAINT.
    ShareUpdateExclusive,
    /// CREATE INDEX.
    Share,
    /// CREATE TRIGGER, ADD FOREIGN KEY.
    ShareRowExclusive,
    /// REFRESH MATERIALIZED VIEW CONCURRENTLY.
    Exclusive,
    /// Most of ALTER TABLE, DROP TABLE, TRUNCATE.
    AccessExclusive,
}

/// Each mode, its name in `pg_locks`, and its name in SQL.
const MODES: [(LockMode, &str, &str); 8] = [
    (LockMode::AccessShare, "AccessShareLock", "ACCESS SHARE"),
    (LockMode::RowShare, "RowShareLock", "ROW SHARE"),
    (LockMode::RowExclusive, "RowExclusiveLock", "ROW EXCLUSIVE"),
    (LockMode::ShareUpdateExclusive, "ShareUpdateExclusiveLock", "SHARE UPDATE EXCLUSIVE"),
    (LockMode::Share, "ShareLock", "SHARE"),
    (LockMode::ShareRowExclusive, "ShareRowExclusiveLock", "SHARE ROW EXCLUSIVE"),
    (LockMode::Exclusive, "ExclusiveLock", "EXCLUSIVE"),
    (LockMode::AccessExclusive, "AccessExclusiveLock", "ACCESS EXCLUSIVE"),
];

impl LockMode {
    /// Returns the mode `pg_locks` calls so.
    pub fn from_catalog(name: &str) -> Option<Self> {
        MODES.iter().find(|(_, catalog, _)| *catalog == name).map(|(mode, ..)| *mode)
    }

    /// Returns the mode `LOCK TABLE … IN … MODE` calls so.
    pub fn from_sql(name: &str) -> Option<Self> {
        MODES.iter().find(|(.., sql)| sql.eq_ignore_ascii_case(name)).map(|(mode, ..)| *mode)
    }

    /// Returns what everybody else cannot do meanwhile, for people.
    pub fn stops(self) -> &'static str {
        match self {
            Self::AccessShare | Self::RowShare | Self::RowExclusive => "no reads or writes",
            Self::ShareUpdateExclusive => "vacuum and schema changes",
            Self::Share | Self::ShareRowExclusive | Self::Exclusive => "writes",
            Self::AccessExclusive => "reads and writes",
        }
    }

    /// Returns whether writes of others wait for it.
    pub fn stops_writes(self) -> bool {
        self >= Self::Share
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = MODES.iter().find(|(mode, ..)| mode == self).map_or("", |(.., sql)| sql);
        f.write_str(name)
    }
}

impl Serialize for LockMode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_is_found_by_both_names_and_they_are_in_order() {
        for (i, (mode, catalog, sql)) in MODES.into_iter().enumerate() {
            assert_eq!((LockMode::from_catalog(catalog), LockMode::from_sql(sql)), (Some(mode), Some(mode)));
            assert_eq!(mode.to_string(), sql);
            assert!(i == 0 || MODES[i - 1].0 < mode);
        }
        assert_eq!(LockMode::from_catalog("SIReadLock"), None);
    }
}

//! Which tables a migration locks, and for how long: seen from beside it, many times a second.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinHandle;

use crate::{DbError, Session, TableName, Target};

/// How often is looked. A lock that is shorter may not be seen, and hurts nobody.
const EVERY: Duration = Duration::from_millis(5);

/// How a table is locked, from the weakest to the strongest. The names are SQL's.
///
/// Source: PostgreSQL's documentation, "Table-Level Locks"; `pg_locks.mode` has the same names, written together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum LockMode {
    /// Of a query.
    AccessShare,
    /// Of a query for update.
    RowShare,
    /// Of a change of rows.
    RowExclusive,
    /// Of VACUUM, ANALYZE, CREATE INDEX CONCURRENTLY, VALIDATE CONSTRAINT.
    ShareUpdateExclusive,
    /// Of CREATE INDEX.
    Share,
    /// Of CREATE TRIGGER, of a new foreign key.
    ShareRowExclusive,
    /// Of REFRESH MATERIALIZED VIEW CONCURRENTLY.
    Exclusive,
    /// Of most ALTER TABLE, DROP, TRUNCATE.
    AccessExclusive,
}

impl LockMode {
    /// Every mode with its name in SQL.
    const NAMES: [(Self, &'static str); 8] = [
        (Self::AccessShare, "ACCESS SHARE"),
        (Self::RowShare, "ROW SHARE"),
        (Self::RowExclusive, "ROW EXCLUSIVE"),
        (Self::ShareUpdateExclusive, "SHARE UPDATE EXCLUSIVE"),
        (Self::Share, "SHARE"),
        (Self::ShareRowExclusive, "SHARE ROW EXCLUSIVE"),
        (Self::Exclusive, "EXCLUSIVE"),
        (Self::AccessExclusive, "ACCESS EXCLUSIVE"),
    ];

    /// Reads `pg_locks.mode`; nothing for modes that tables do not have.
    fn from_catalog(mode: &str) -> Option<Self> {
        let words = mode.strip_suffix("Lock")?;
        let same = |name: &str| {
            name.split(' ').map(str::len).sum::<usize>() == words.len()
                && name.replace(' ', "").eq_ignore_ascii_case(words)
        };
        Self::NAMES.iter().find(|(_, name)| same(name)).map(|(mode, _)| *mode)
    }

    /// Returns the name in SQL.
    pub fn sql(self) -> &'static str {
        Self::NAMES.iter().find(|(mode, _)| *mode == self).map_or("", |(_, name)| name)
    }

    /// Returns what others cannot do meanwhile.
    pub fn blocks(self) -> &'static str {
        match self {
            Self::AccessShare | Self::RowShare | Self::RowExclusive => "nothing but DDL",
            Self::ShareUpdateExclusive => "VACUUM and DDL",
            Self::Share | Self::ShareRowExclusive | Self::Exclusive => "writes",
            Self::AccessExclusive => "reads and writes",
        }
    }
}

/// The strongest lock a migration held on a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldLock {
    /// The table.
    #[serde(flatten)]
    pub table: TableName,
    /// How it was locked.
    pub mode: LockMode,
    /// For how long, in seconds; a little less than in truth.
    pub seconds: f64,
}

/// Watches the runner that holds a database's migration lock. Dropped, it ends.
pub struct LockWatch {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

/// What was seen since the last time somebody took it.
struct Seen {
    since: Instant,
    locks: BTreeMap<(TableName, LockMode), (Instant, Instant)>,
}

impl Seen {
    fn new() -> Self {
        Self { since: Instant::now(), locks: BTreeMap::new() }
    }

    /// Notes what was found by a look that began `at`; one that began before the last taking is too late.
    fn note(&mut self, at: Instant, found: impl Iterator<Item = (TableName, LockMode)>) {
        if at >= self.since {
            found.for_each(|lock| self.locks.entry(lock).or_insert((at, at)).1 = Instant::now());
        }
    }

    /// Returns the strongest lock of each table.
    fn strongest(self) -> Vec<HeldLock> {
        let mut tables: BTreeMap<TableName, HeldLock> = BTreeMap::new();
        // the modes of a table come the weakest first
        for ((table, mode), (first, last)) in self.locks {
            let held = HeldLock { table: table.clone(), mode, seconds: (last - first).as_secs_f64() };
            tables.insert(table, held);
        }
        tables.into_values().collect()
    }
}

impl LockWatch {
    /// Begins to watch, in a session of its own.
    ///
    /// # Errors
    /// [`DbError`] when there is no connection.
    pub async fn start(target: &Target) -> Result<Self, DbError> {
        let session = Session::open(target).await?;
        let seen = Arc::new(Mutex::new(Seen::new()));
        let noted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let at = Instant::now();
                let Ok(found) = look(&session).await else { return };
                noted.lock().unwrap_or_else(PoisonError::into_inner).note(at, found.into_iter());
                tokio::time::sleep(EVERY).await;
            }
        });
        Ok(Self { seen, task })
    }

    /// Returns what was seen since the start or the last taking: the strongest lock of each table, by name.
    pub fn take(&self) -> Vec<HeldLock> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *seen, Seen::new()).strongest()
    }
}

impl Drop for LockWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn look(session: &Session) -> Result<Vec<(TableName, LockMode)>, DbError> {
    let sql = include_str!("../../../../sql/migrate/tables_locked.sql");
    let rows = session.query(sql, &[]).await.map_err(session.doing("look at the migration's locks"))?;
    let lock = |row: &tokio_postgres::Row| {
        let mode = LockMode::from_catalog(row.get("mode"))?;
        Some((TableName::new(row.get::<_, &str>("schema"), row.get::<_, &str>("name")), mode))
    };
    Ok(rows.iter().filter_map(lock).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogs_words_are_the_languages() {
        for (words, mode) in [
            ("AccessShareLock", LockMode::AccessShare),
            ("RowExclusiveLock", LockMode::RowExclusive),
            ("ShareUpdateExclusiveLock", LockMode::ShareUpdateExclusive),
            ("ShareLock", LockMode::Share),
            ("ShareRowExclusiveLock", LockMode::ShareRowExclusive),
            ("AccessExclusiveLock", LockMode::AccessExclusive),
        ] {
            assert_eq!(LockMode::from_catalog(words), Some(mode));
        }
        assert_eq!(LockMode::from_catalog("SIReadLock"), None);
        assert_eq!(LockMode::AccessExclusive.sql(), "ACCESS EXCLUSIVE");
    }

    #[test]
    fn of_each_table_the_strongest_lock_is_told_and_a_late_look_is_not() {
        let table = |name: &str| TableName::new("app", name);
        let mut seen = Seen::new();
        let at = Instant::now();
        let locks = [(table("a"), LockMode::AccessExclusive), (table("a"), LockMode::RowExclusive)];
        seen.note(at, locks.into_iter());
        seen.note(at, [(table("b"), LockMode::Share)].into_iter());
        seen.note(seen.since - EVERY, [(table("c"), LockMode::Share)].into_iter());
        let strongest: Vec<(String, LockMode)> =
            seen.strongest().into_iter().map(|held| (held.table.name, held.mode)).collect();
        assert_eq!(strongest, [("a".into(), LockMode::AccessExclusive), ("b".into(), LockMode::Share)]);
    }
}

//! Which locks a migration holds, and for how long: asked of the server between its statements.

use std::collections::HashMap;
use std::time::Instant;

use serde::Serialize;

use super::LockMode;
use crate::{DbError, Session};

/// A lock a migration held on a table that was there before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldLock {
    /// `schema.name`.
    pub relation: String,
    /// The strongest mode.
    pub mode: LockMode,
    /// From before the statement that took it until after COMMIT, in milliseconds: others waited at most this long.
    pub held_ms: u64,
}

/// Notes the locks of one transaction as they are taken.
pub(crate) struct Trace {
    /// What was there before, by object id: what the transaction makes nobody else can wait for, and what it drops has
    /// no name any more.
    before: HashMap<u32, String>,
    taken: HashMap<u32, (LockMode, Instant)>,
}

impl Trace {
    /// Lists the relations that are there.
    pub(crate) async fn begin(session: &Session) -> Result<Self, tokio_postgres::Error> {
        let rows = session.query(include_str!("../../../../sql/migrate/relations.sql"), &[]).await?;
        let before = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        Ok(Self { before, taken: HashMap::new() })
    }

    /// Notes what the session holds now; what is new or stronger was taken after `since`.
    pub(crate) async fn note(
        &mut self,
        session: &Session,
        since: Instant,
    ) -> Result<(), tokio_postgres::Error> {
        let rows = session.query(include_str!("../../../../sql/migrate/locks_held.sql"), &[]).await?;
        for row in rows {
            let Some(mode) = LockMode::from_catalog(row.get(1)) else { continue };
            self.take(row.get(0), mode, since);
        }
        Ok(())
    }

    fn take(&mut self, relation: u32, mode: LockMode, since: Instant) {
        let held = self.taken.entry(relation).or_insert((mode, since));
        if mode > held.0 {
            *held = (mode, since);
        }
    }

    /// Returns the locks as of `end`, the strongest first.
    pub(crate) fn end(self, end: Instant) -> Vec<HeldLock> {
        let mut locks: Vec<HeldLock> = self
            .taken
            .into_iter()
            .filter_map(|(oid, (mode, since))| {
                let held = end.saturating_duration_since(since).as_millis();
                let held_ms = u64::try_from(held).unwrap_or(u64::MAX);
                Some(HeldLock { relation: self.before.get(&oid)?.clone(), mode, held_ms })
            })
            .collect();
        locks.sort_by(|a, b| (b.mode, &a.relation).cmp(&(a.mode, &b.relation)));
        locks
    }
}

/// Returns who holds locks on these tables (`schema.name`), a line each, for people.
pub(crate) async fn holders(session: &Session, relations: &[String]) -> Result<Vec<String>, DbError> {
    let query = include_str!("../../../../sql/migrate/table_lock_holders.sql");
    let rows = session.query(query, &[&relations]).await;
    let rows = rows.map_err(DbError::doing("find who holds the tables' locks"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_strongest_lock_counts_from_when_it_was_taken() {
        let start = Instant::now();
        let before = [(1, "app.a".to_owned()), (2, "app.b".to_owned())].into();
        let mut trace = Trace { before, taken: HashMap::new() };
        let at = |seconds| start + Duration::from_secs(seconds);
        trace.take(1, LockMode::AccessShare, at(0));
        trace.take(2, LockMode::Share, at(1));
        trace.take(1, LockMode::AccessExclusive, at(2));
        trace.take(1, LockMode::AccessShare, at(3));
        trace.take(3, LockMode::AccessExclusive, at(3)); // made by the transaction
        let lock = |relation: &str, mode, held_ms| HeldLock { relation: relation.into(), mode, held_ms };
        let expected = [lock("app.a", LockMode::AccessExclusive, 8000), lock("app.b", LockMode::Share, 9000)];
        assert_eq!(trace.end(at(10)), expected);
    }
}

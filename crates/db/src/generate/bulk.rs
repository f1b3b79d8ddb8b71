//! Indexes, constraints and triggers: taken down before a load and put up again after it, in the same transaction.
//!
//! A million random keys are sorted in seconds and inserted one by one in minutes; a foreign key checked once is a join. Triggers
//! would write each generated row into the audit log, and count places one by one: what they keep is computed at the end.

use tokio_postgres::Row;

use crate::{DbError, Session};

/// What was taken down, as the statements that put it up again.
#[derive(Debug)]
pub(crate) struct TakenDown {
    statements: Vec<String>,
    triggers: Vec<String>,
}

impl TakenDown {
    /// Takes down what slows a load of `tables`: foreign keys from and to them, keys and indexes. An index the table is
    /// clustered or replicated by stays, because that mark would be lost.
    pub(crate) async fn from(session: &Session, tables: &[String]) -> Result<Self, DbError> {
        let doing = || DbError::doing("find the indexes and constraints");
        let query = include_str!("../../../../sql/generate/indexes_and_constraints.sql");
        let rows = session.query(query, &[&tables]).await.map_err(doing())?;
        // Keys, then indexes, then foreign keys: they come up in this order and go down in the other.
        for row in rows.iter().rev() {
            let drop: &str = row.get("take_down");
            session.batch_execute(drop).await.map_err(DbError::doing(drop))?;
        }
        let (triggers, statements): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.get("is_trigger"));
        let put_up = |rows: Vec<&Row>| rows.iter().map(|row| row.get("put_up")).collect();
        Ok(Self { statements: put_up(statements), triggers: put_up(triggers) })
    }

    /// How many statements put indexes and constraints up again.
    pub(crate) fn len(&self) -> u64 {
        self.statements.len() as u64
    }

    /// Puts indexes and constraints up again, which checks every row. `done` is told how many stand.
    pub(crate) async fn restore(&self, session: &Session, done: impl Fn(u64)) -> Result<(), DbError> {
        for (statement, n) in self.statements.iter().zip(1..) {
            session.batch_execute(statement).await.map_err(DbError::doing(statement))?;
            done(n);
        }
        Ok(())
    }
    /// Lets the triggers fire again.
    pub(crate) async fn restore_triggers(&self, session: &Session) -> Result<(), DbError> {
        for statement in &self.triggers {
            session.batch_execute(statement).await.map_err(DbError::doing(statement))?;
        }
        Ok(())
    }
}

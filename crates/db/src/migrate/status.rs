//! Which migrations a database has.

use serde::Serialize;

use super::history::History;
use super::{Entry, MigrationSet, State};
use crate::{DbError, Session};

/// Each migration and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct StatusReport {
    /// The database asked.
    pub database: String,
    /// By version.
    pub migrations: Vec<Entry>,
    /// Rows of the history that no runner writes, a sentence each.
    pub problems: Vec<String>,
}

impl StatusReport {
    /// Returns how many migrations are in this state.
    pub fn count(&self, state: State) -> usize {
        self.migrations.iter().filter(|entry| entry.state == state).count()
    }

    /// Returns whether `migrate up` could go on from here: nothing edited, unknown, late or unreadable.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
            && self.migrations.iter().all(|entry| matches!(entry.state, State::Applied | State::Pending))
    }
}

/// Compares the history of a database with the files. Reads only, and the server enforces that; a login that may read
/// `ops.schema_history` is enough, on a standby too. No such table: everything is pending.
///
/// # Errors
/// The history exists but may not be read, or the connection fails.
pub async fn status(session: &Session, migrations: &MigrationSet) -> Result<StatusReport, DbError> {
    let doing = || DbError::doing("read the migration history");
    session
        .batch_execute("begin transaction isolation level repeatable read read only")
        .await
        .map_err(doing())?;
    let result = read(session, migrations).await;
    session.batch_execute("rollback").await.map_err(doing())?;
    result
}

async fn read(session: &Session, migrations: &MigrationSet) -> Result<StatusReport, DbError> {
    let login = session
        .query_one(include_str!("../../../../sql/migrate/login.sql"), &[])
        .await
        .map_err(DbError::doing("ask which database this is"))?;
    let history = History::read(session).await?;
    Ok(StatusReport {
        database: login.get("database"),
        migrations: history.compare(migrations),
        problems: history.problems,
    })
}

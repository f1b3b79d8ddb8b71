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

    /// Returns how many are to be applied, those included that were begun and not finished.
    pub fn pending(&self) -> usize {
        self.count(State::Pending) + self.count(State::Interrupted)
    }

    /// Returns whether `migrate up` could go on from here: nothing edited, unknown, late or unreadable.
    pub fn is_sound(&self) -> bool {
        let fits = |state| matches!(state, State::Applied | State::Pending | State::Interrupted);
        self.problems.is_empty() && self.migrations.iter().all(|entry| fits(entry.state))
    }
}

/// Compares the history of a database with the files. Reads only, and the server enforces that; a login that may read
/// `ops.schema_history` is enough, on a standby too. No such table: everything is pending.
///
/// # Errors
/// The history exists but may not be read, or the connection fails.
pub async fn status(session: &Session, migrations: &MigrationSet) -> Result<StatusReport, DbError> {
    begin_read_only(session).await?;
    let result = match History::read(session).await {
        Ok(history) => report(session, migrations, &history).await,
        Err(error) => Err(error),
    };
    session.batch_execute("rollback").await.map_err(session.doing("read the migration history"))?;
    result
}

/// Begins a transaction in which the server allows no change, and waits for no lock for long.
pub(crate) async fn begin_read_only(session: &Session) -> Result<(), DbError> {
    let begin = "begin transaction isolation level repeatable read read only; set local lock_timeout = '2s'";
    session.batch_execute(begin).await.map_err(session.doing("read the migration history"))
}

/// Returns the database's name and the login's.
pub(crate) async fn login(session: &Session) -> Result<(String, String), DbError> {
    let row = session
        .query_one(include_str!("../../../../sql/migrate/login.sql"), &[])
        .await
        .map_err(session.doing("ask which database this is"))?;
    Ok((row.get("database"), row.get("login")))
}

pub(crate) async fn report(
    session: &Session,
    migrations: &MigrationSet,
    history: &History,
) -> Result<StatusReport, DbError> {
    let (database, _) = login(session).await?;
    let mut entries = history.compare(migrations);
    for version in interrupted(session).await? {
        let cut_off = |file: &&super::MigrationFile| file.version() == version && file.no_transaction();
        let entry = entries.iter_mut().find(|e| e.version == version && e.state == State::Pending);
        if let (Some(entry), Some(_)) = (entry, migrations.iter().find(cut_off)) {
            entry.state = State::Interrupted;
        }
    }
    let problems = history.problems.iter().map(|problem| problem.text.clone()).collect();
    Ok(StatusReport { database, migrations: entries, problems })
}

/// Returns the versions whose last run did not end well.
async fn interrupted(session: &Session) -> Result<Vec<i32>, DbError> {
    let doing = || session.doing("read ops.migration_log");
    let readable = include_str!("../../../../sql/migrate/log_readable.sql");
    if !session.query_one(readable, &[]).await.map_err(doing())?.get::<_, bool>(0) {
        return Ok(vec![]);
    }
    let rows = session.query(include_str!("../../../../sql/migrate/interrupted.sql"), &[]).await;
    Ok(rows.map_err(doing())?.iter().map(|row| row.get(0)).collect())
}

/// Returns whether a database holds anything that a migration could spoil.
///
/// # Errors
/// [`DbError::Query`].
pub async fn has_tables(session: &Session) -> Result<bool, DbError> {
    let sql = include_str!("../../../../sql/migrate/has_tables.sql");
    let row = session.query_one(sql, &[]).await.map_err(session.doing("look whether there are tables"))?;
    Ok(row.get(0))
}

//! `ops.migration_log`: who applied what, when, from where, with which program, after which backup, and what became of it.

use std::time::Instant;

use super::keeper::Keeper;
use super::{MigrationFile, UpOptions};
use crate::{DbError, Session};

/// What was done with a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Apply,
    Baseline,
    Rollback,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was begun outside of a transaction.
    Started,
    Done,
    Failed,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// One entry.
pub(crate) struct LogEntry<'a> {
    pub(crate) file: &'a MigrationFile,
    pub(crate) action: Action,
    pub(crate) outcome: Outcome,
    pub(crate) attempts: u32,
    pub(crate) begun: Instant,
    pub(crate) error: Option<String>,
}

impl LogEntry<'_> {
    /// Writes the entry in the transaction that is open, as the role it has. Returns its id.
    pub(crate) async fn write(
        &self,
        session: &Session,
        options: &UpOptions,
    ) -> Result<i64, tokio_postgres::Error> {
        let action = match self.action {
            Action::Apply => "apply",
            Action::Baseline => "baseline",
            Action::Rollback => "rollback",
        };
        let attempts = i32::try_from(self.attempts).unwrap_or(i32::MAX);
        let host = (!options.host.is_empty()).then_some(&options.host);
        let row = session
            .query_one(
                include_str!("../../../../sql/migrate/log_add.sql"),
                &[
                    &self.file.version(),
                    &self.file.name(),
                    &action,
                    &self.outcome.word(),
                    &host,
                    &options.tool,
                    &options.backup_id,
                    &attempts,
                    &self.begun.elapsed().as_secs_f64(),
                    &self.error,
                    &options.no_backup,
                ],
            )
            .await?;
        Ok(row.get(0))
    }

    /// Writes the entry in a transaction of its own.
    pub(crate) async fn write_alone(
        &self,
        session: &Session,
        keeper: &Keeper,
        options: &UpOptions,
    ) -> Result<i64, tokio_postgres::Error> {
        keeper.begin(session).await?;
        let id = self.write(session, options).await?;
        session.batch_execute("commit").await?;
        Ok(id)
    }
}

/// Returns whether the log is there.
pub(crate) async fn exists(session: &Session) -> Result<bool, DbError> {
    let query = include_str!("../../../../sql/migrate/log_exists.sql");
    let row = session.query_one(query, &[]).await.map_err(session.doing("look for the log of migrations"))?;
    Ok(row.get(0))
}

/// Ends an entry that was begun, in the transaction that is open.
pub(crate) async fn finish(
    session: &Session,
    id: i64,
    outcome: Outcome,
    error: Option<&str>,
) -> Result<(), tokio_postgres::Error> {
    let query = include_str!("../../../../sql/migrate/log_finish.sql");
    session.execute(query, &[&id, &outcome.word(), &error]).await?;
    Ok(())
}

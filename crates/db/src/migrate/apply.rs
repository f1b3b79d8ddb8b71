//! One migration as one transaction: the file as its owner, its verify script, the history, the log.

use std::time::Instant;

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::{ErrorPosition, SqlState};

use super::calm::calm;
use super::held::Trace;
use super::keeper::Keeper;
use super::log::{Action, LogEntry, Outcome};
use super::parsed::{Parsed, Piece};
use super::{HeldLock, MigrationFile, RunAs, UpOptions};
use crate::error::ServerError;
use crate::{Session, quote_ident};

/// Of the rows a verify script finds, so many are shown.
const ROWS_SHOWN: usize = 5;

/// Why a migration was not applied.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The server refused a statement of this file, on this line where that is known.
    Refused { file: String, line: Option<usize>, source: ServerError },
    /// The file ended the transaction it ran in.
    Left,
    /// A query of the verify script, on this line, returned rows.
    Unverified { file: String, line: usize, rows: Vec<String> },
    /// COMMIT was sent and not answered.
    Commit(ServerError),
    /// Outside of a transaction: the connection was lost, and it is not known what the statement did.
    Unknown(ServerError),
    /// Outside of a transaction: what it left behind besides the error.
    HalfDone { source: ServerError, line: Option<usize>, invalid: Vec<String> },
}

impl Failed {
    /// Returns whether others had the locks it needs: it may work a moment later.
    pub(crate) fn is_about_locks(&self) -> bool {
        let (Self::Refused { source, .. } | Self::HalfDone { source, .. }) = self else { return false };
        matches!(source.code(), Some(&SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED))
    }
}

/// What a run of one migration works with.
pub(crate) struct Work<'a> {
    pub(crate) session: &'a Session,
    pub(crate) keeper: &'a Keeper,
    pub(crate) file: &'a MigrationFile,
    pub(crate) options: &'a UpOptions,
    /// Which attempt this is, from 1.
    pub(crate) attempt: u32,
    pub(crate) begun: Instant,
}

impl Work<'_> {
    /// Runs the file and writes `history`, all or nothing. Returns the locks it held, where they are asked for.
    pub(crate) async fn in_transaction(&self, sql: &str, history: &str) -> Result<Vec<HeldLock>, Failed> {
        let result = self.transaction(sql, history).await;
        if result.is_err() {
            // After a lost connection there is nothing to roll back; the first error is the one to tell.
            self.session.batch_execute("rollback").await.ok();
        }
        result
    }

    async fn transaction(&self, sql: &str, history: &str) -> Result<Vec<HeldLock>, Failed> {
        let plain = |error| self.refused(error);
        self.begin().await?;
        let mut trace = match self.options.trace_locks {
            true => Some(Trace::begin(self.session).await.map_err(plain)?),
            false => None,
        };
        self.statements(sql, trace.as_mut()).await?;
        self.still_inside().await?;
        self.verify().await?;
        self.become_keeper().await?;
        self.session.batch_execute(history).await.map_err(plain)?;
        self.entry(Outcome::Done, None).write(self.session, self.options).await.map_err(plain)?;
        self.commit().await?;
        Ok(trace.map(|trace| trace.end(Instant::now())).unwrap_or_default())
    }

    /// Begins the transaction of a file, as its owner. What an earlier file SET does not reach it.
    pub(super) async fn begin(&self) -> Result<(), Failed> {
        calm(self.session).await.map_err(|error| self.refused(error))?;
        let begin = format!("begin; {}", self.settings());
        self.session.batch_execute(&begin).await.map_err(|error| self.refused(error))
    }

    /// Whether the text that ran has left the transaction of [`Self::begin`].
    pub(super) async fn still_inside(&self) -> Result<(), Failed> {
        let still = include_str!("../../../../sql/migrate/still_in_transaction.sql");
        let row = self.session.query_one(still, &[&self.file.file()]).await;
        match row.map_err(|error| self.refused(error))?.get(0) {
            true => Ok(()),
            false => Err(Failed::Left),
        }
    }

    /// As its owner, because a login that may only become it has no right of its own; the rows keep the login's name.
    pub(super) async fn become_keeper(&self) -> Result<(), Failed> {
        let role = self.keeper.set_local_role();
        self.session.batch_execute(&role).await.map_err(|error| self.refused(error))
    }

    pub(super) async fn commit(&self) -> Result<(), Failed> {
        self.session.batch_execute("commit").await.map_err(|error| {
            let source = self.session.server_error(error);
            if source.is_connection_lost() { Failed::Commit(source) } else { self.refused_by(source) }
        })
    }

    /// With a trace statement by statement, so that it is known when a lock was taken; else all at once.
    async fn statements(&self, sql: &str, trace: Option<&mut Trace>) -> Result<(), Failed> {
        let Some(trace) = trace else {
            let run = self.session.batch_execute(sql).await;
            return run.map_err(|error| self.refused_in(self.file.file(), error, sql, 0));
        };
        for Piece { start, end, .. } in Parsed::new(sql).pieces() {
            let since = Instant::now();
            let run = self.session.batch_execute(&sql[start..end]).await;
            run.map_err(|error| self.refused_in(self.file.file(), error, sql, start))?;
            trace.note(self.session, since).await.map_err(|error| self.refused(error))?;
        }
        Ok(())
    }

    /// Runs the verify script where it can change nothing: a savepoint's end gives the transaction back its right to write.
    async fn verify(&self) -> Result<(), Failed> {
        let Some(script) = self.file.verify() else { return Ok(()) };
        let refused = |error| self.refused_in(&script.file, error, &script.sql, 0);
        let begin = "savepoint unisys_verify; set local transaction_read_only = on";
        self.session.batch_execute(begin).await.map_err(|error| self.refused(error))?;
        let messages = self.session.simple_query(&script.sql).await.map_err(refused)?;
        if let Some((line, rows)) = first_with_rows(&script.sql, &messages) {
            return Err(Failed::Unverified { file: script.file.clone(), line, rows });
        }
        let end = "rollback to savepoint unisys_verify";
        self.session.batch_execute(end).await.map_err(|error| self.refused(error))
    }

    /// An empty search path makes a file say which schema it means. The login's own time-outs are for people at work.
    fn settings(&self) -> String {
        let role = match self.file.run_as() {
            RunAs::Login => String::new(),
            RunAs::Owner(role) => format!("set local role {};", quote_ident(role)),
        };
        format!(
            "set local lock_timeout = '{}ms'; set local statement_timeout = 0; \
             set local idle_in_transaction_session_timeout = 0; set local search_path = ''; \
             set local unisys_dba.migration = '{}'; {role}",
            self.options.lock_timeout.as_millis(),
            self.file.file(),
        )
    }

    pub(crate) fn entry(&self, outcome: Outcome, error: Option<String>) -> LogEntry<'_> {
        LogEntry {
            file: self.file,
            action: Action::Apply,
            outcome,
            attempts: self.attempt,
            begun: self.begun,
            error,
        }
    }

    pub(crate) fn refused(&self, error: tokio_postgres::Error) -> Failed {
        self.refused_by(self.session.server_error(error))
    }

    /// The server refused what stands in `sql`, the text of this file, from `start` on.
    pub(super) fn refused_in(
        &self,
        file: &str,
        error: tokio_postgres::Error,
        sql: &str,
        start: usize,
    ) -> Failed {
        let source = self.session.server_error(error);
        Failed::Refused { file: file.into(), line: line(&source, sql, start), source }
    }

    pub(crate) fn refused_by(&self, source: ServerError) -> Failed {
        Failed::Refused { file: self.file.file().into(), line: None, source }
    }
}

/// Returns the line of `sql` the server's position falls on, when it was given the text from `start` on. (It counts
/// characters, from 1.)
pub(crate) fn line(error: &ServerError, sql: &str, start: usize) -> Option<usize> {
    match error.as_db_error()?.position()? {
        ErrorPosition::Original(at) => {
            let before = usize::try_from(*at).ok()?.checked_sub(1)?;
            let lines = sql[start..].chars().take(before).filter(|c| *c == '\n').count();
            Some(sql[..start].matches('\n').count() + lines + 1)
        }
        ErrorPosition::Internal { .. } => None,
    }
}

/// Returns the line of the first query that returned rows, and some of them in words.
pub(crate) fn first_with_rows(sql: &str, messages: &[SimpleQueryMessage]) -> Option<(usize, Vec<String>)> {
    let pieces = Parsed::new(sql).pieces();
    let (mut statement, mut rows) = (0, Vec::new());
    for message in messages {
        match message {
            SimpleQueryMessage::Row(row) => {
                let values = row
                    .columns()
                    .iter()
                    .enumerate()
                    .map(|(i, column)| format!("{} = {}", column.name(), row.get(i).unwrap_or("null")));
                rows.push(values.collect::<Vec<_>>().join(", "));
            }
            SimpleQueryMessage::CommandComplete(_) if rows.is_empty() => statement += 1,
            SimpleQueryMessage::CommandComplete(_) => break,
            _ => {}
        }
    }
    if rows.is_empty() {
        return None;
    }
    let more = rows.len().saturating_sub(ROWS_SHOWN);
    rows.truncate(ROWS_SHOWN);
    if more > 0 {
        rows.push(format!("and {more} more"));
    }
    Some((pieces.get(statement).map_or(1, |piece| piece.line), rows))
}

//! Applies what is pending: refinery's runner, one file at a time, on a session that guards each transaction.

use std::time::{Duration, Instant};

use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration, Runner, Target as Until};
use serde::Serialize;
use thiserror::Error;
use tokio_postgres::error::ErrorPosition;

use super::history::History;
use super::{HISTORY, MigrateError, MigrationFile, MigrationSet, RunAs, lock, prepare};
use crate::{DbError, Session, Target, quote_ident};

/// How to apply.
#[derive(Clone, Copy, Debug)]
pub struct UpOptions {
    /// How long to wait while another runner works.
    pub wait: Duration,
    /// How long a statement may wait for a table lock. Everybody queues behind a migration that waits.
    pub lock_timeout: Duration,
}

impl Default for UpOptions {
    fn default() -> Self {
        Self { wait: Duration::from_secs(60), lock_timeout: Duration::from_secs(5) }
    }
}

/// A migration this run applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppliedNow {
    /// The version.
    pub version: i32,
    /// The file.
    pub file: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UpReport {
    /// What was made before the first migration.
    pub prepared: Vec<String>,
    /// What was applied, in order.
    pub applied: Vec<AppliedNow>,
    /// How many were there before.
    pub already: usize,
}

/// Applies every pending migration, each in its own transaction and as the owner it names. Several runners may start at
/// once: one works, the others wait and find nothing to do. `announce` is called before each file.
///
/// Opens a session of its own; when the returned future is dropped, that session ends, and with it the lock and the open
/// transaction.
///
/// # Errors
/// Nothing is applied when the history and the files disagree. When a file fails, what was applied before it stays.
pub async fn up(
    target: &Target,
    migrations: &MigrationSet,
    options: &UpOptions,
    announce: &(dyn Fn(&MigrationFile) + Sync),
) -> Result<UpReport, MigrateError> {
    let session = Session::open(target).await?;
    lock::acquire(&session, options.wait).await?;
    // Both before and after: an edited file is refused before anything is made, and the table may be new.
    read_history(&session).await?.pending(migrations)?;
    let prepared = prepare::prepare(&session).await?;
    let history = read_history(&session).await?;
    let mut report = UpReport { prepared, applied: vec![], already: history.rows.len() };
    for file in history.pending(migrations)? {
        announce(file);
        let begun = Instant::now();
        apply(&session, migrations, file, options, &report.applied).await?;
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        report.applied.push(AppliedNow { version: file.version(), file: file.file().into(), duration_ms });
    }
    lock::release(&session).await?;
    Ok(report)
}

/// As `ops_owner` where that role can be taken, else with the login's own rights.
async fn read_history(session: &Session) -> Result<History, DbError> {
    let reachable = include_str!("../../../../sql/migrate/can_be_ops_owner.sql");
    let doing = || DbError::doing("take the role ops_owner");
    let role: bool = session.query_one(reachable, &[]).await.map_err(doing())?.get(0);
    if role {
        session.batch_execute("set role ops_owner").await.map_err(doing())?;
    }
    let history = History::read(session).await;
    session.batch_execute("reset role").await.map_err(doing())?;
    history
}

async fn apply(
    session: &Session,
    migrations: &MigrationSet,
    file: &MigrationFile,
    options: &UpOptions,
    applied: &[AppliedNow],
) -> Result<(), MigrateError> {
    let known: Vec<Migration> = migrations.iter().map(|m| m.migration().clone()).collect();
    let mut runner = Runner::new(&known).set_target(Until::Version(file.version()));
    runner.set_migration_table_name(HISTORY);
    let earlier = known.iter().filter(|m| m.version() < file.version()).cloned().map(applied_form).collect();
    let mut guarded = Guarded { session, file, lock_timeout: options.lock_timeout, earlier, failure: None };
    let Err(source) = runner.run_async(&mut guarded).await else { return Ok(()) };
    let name = file.file().to_owned();
    Err(match guarded.failure {
        Some(source) => MigrateError::Apply {
            line: line(&source, file.sql()),
            file: name,
            applied: applied.iter().map(|done| done.file.clone()).collect(),
            source,
        },
        None => MigrateError::Engine { file: name, source },
    })
}

/// Everything before the file was compared with the history already: refinery is told that it is applied.
fn applied_form(mut migration: Migration) -> Migration {
    migration.set_applied();
    migration
}

/// Returns the line the server's position falls on. (It counts characters, from 1.)
fn line(error: &tokio_postgres::Error, sql: &str) -> Option<usize> {
    match error.as_db_error()?.position()? {
        ErrorPosition::Original(at) => {
            let before = usize::try_from(*at).ok()?.checked_sub(1)?;
            Some(sql.chars().take(before).filter(|c| *c == '\n').count() + 1)
        }
        ErrorPosition::Internal { .. } => None,
    }
}

/// A session as refinery sees it while it applies one file.
struct Guarded<'a> {
    session: &'a Session,
    file: &'a MigrationFile,
    lock_timeout: Duration,
    /// The migrations before the file.
    earlier: Vec<Migration>,
    /// Why the file failed.
    failure: Option<tokio_postgres::Error>,
}

/// Tells refinery that the guard keeps the reason.
#[derive(Debug, Error)]
#[error("the server refused")]
struct Refused;

impl Guarded<'_> {
    /// One transaction: the file as its owner, then refinery's row in the history.
    async fn run(&self, sql: &str, history: &str) -> Result<(), tokio_postgres::Error> {
        // What an earlier file SET must not reach this one; RESET ALL leaves the role out.
        self.session.batch_execute("reset all; reset role").await?;
        self.session.batch_execute("begin").await?;
        self.session.batch_execute(&self.settings()).await?;
        self.session.batch_execute(sql).await?;
        // As its owner, because a login that may only become it has no right of its own; the row keeps the login's name.
        self.session.batch_execute("set local role ops_owner; set local search_path = ''").await?;
        self.session.batch_execute(history).await?;
        self.session.batch_execute("commit").await
    }

    /// An empty search path makes a file say which schema it means. The login's own time-outs are for people at work.
    fn settings(&self) -> String {
        let role = match self.file.run_as() {
            RunAs::Login => String::new(),
            RunAs::Owner(role) => format!("set local role {};", quote_ident(role)),
        };
        format!(
            "set local lock_timeout = '{}ms'; set local statement_timeout = 0; \
             set local idle_in_transaction_session_timeout = 0; set local search_path = ''; {role}",
            self.lock_timeout.as_millis()
        )
    }
}

impl AsyncTransaction for Guarded<'_> {
    type Error = Refused;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, Refused> {
        let queries: Vec<&str> = queries.collect();
        // A single query is the one for the history table, which exists (and needs no statement, below).
        let [sql, history] = queries.as_slice() else { return Ok(0) };
        if let Err(error) = self.run(sql, history).await {
            // After a lost connection there is nothing to roll back; the first error is the one to tell.
            self.session.batch_execute("rollback").await.ok();
            self.failure = Some(error);
            return Err(Refused);
        }
        Ok(queries.len())
    }
}

impl AsyncQuery<Vec<Migration>> for Guarded<'_> {
    async fn query(&mut self, _: &str) -> Result<Vec<Migration>, Refused> {
        Ok(self.earlier.clone())
    }
}

impl AsyncMigrate for Guarded<'_> {
    fn assert_migrations_table_query(_: &str) -> String {
        String::new()
    }
}

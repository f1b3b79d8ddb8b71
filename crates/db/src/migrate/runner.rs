//! Applies what is pending: refinery's runner, one file at a time, on a session that guards each transaction.

use std::time::{Duration, Instant};

use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration, Runner, Target as Until};
use thiserror::Error;

use super::apply::{Failed, Work};
use super::held;
use super::keeper::Keeper;
use super::log::Outcome;
use super::report::{AppliedNow, Event, UpOptions, UpReport};
use super::{HISTORY, HeldLock, MigrateError, MigrationFile, MigrationSet, lock, prepare, targets};
use crate::error::ServerError;
use crate::snapshot::SnapshotError;
use crate::{Session, Target};

/// Between two attempts to get a table's lock it is never waited longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Applies every pending migration, each in its own transaction and as the owner it names. Several runners may start at
/// once: one works, the others wait and find nothing to do. `tell` hears of each step, in order.
///
/// Opens sessions of its own; when the returned future is dropped, they end, and with them the lock and the open
/// transaction.
///
/// # Errors
/// Nothing is applied when the history and the files disagree, or a pending file breaks a rule. When a file fails, what
/// was applied before it stays.
pub async fn up(
    target: &Target,
    migrations: &MigrationSet,
    options: &UpOptions,
    tell: &(dyn Fn(&Event<'_>) + Sync),
) -> Result<UpReport, MigrateError> {
    let session = lock::session(target, options.wait).await?;
    let history = Keeper::find(&session).await?.read(&session).await?;
    let pending = history.pending(migrations)?;
    let broken = migrations.check(history.last());
    if !broken.is_empty() {
        return Err(MigrateError::Rules(broken));
    }
    let prepared = prepare::prepare(&session, migrations).await?;
    let keeper = Keeper::find(&session).await?;
    let mut report = UpReport { prepared, applied: vec![], already: history.rows.len() };
    let mut up = Up { target, migrations, options, tell, session, keeper };
    for file in pending {
        tell(&Event::Starting(file));
        let applied = up.apply(file, &report.applied).await?;
        tell(&Event::Applied { file, applied: &applied });
        report.applied.push(applied);
    }
    lock::release(up.session).await?;
    Ok(report)
}

struct Up<'a> {
    target: &'a Target,
    migrations: &'a MigrationSet,
    options: &'a UpOptions,
    tell: &'a (dyn Fn(&Event<'_>) + Sync),
    session: Session,
    keeper: Keeper,
}

impl Up<'_> {
    async fn apply(
        &mut self,
        file: &MigrationFile,
        before: &[AppliedNow],
    ) -> Result<AppliedNow, MigrateError> {
        let begun = Instant::now();
        let mut pause = self.options.pause;
        let mut attempt = 1;
        let done = |attempts, locks, resolved| AppliedNow {
            version: file.version(),
            file: file.file().into(),
            duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            attempts,
            resolved,
            locks,
        };
        loop {
            let failed = match self.attempt(file, attempt, begun).await? {
                Ok(locks) => return Ok(done(attempt, locks, false)),
                Err(failed) => failed,
            };
            if failed.is_about_locks() {
                let holders =
                    held::holders(&self.session, &targets::relations(file)).await.unwrap_or_default();
                if attempt < self.options.lock_attempts {
                    let of = self.options.lock_attempts;
                    (self.tell)(&Event::Waiting { file, attempt, of, pause, holders: &holders });
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    attempt += 1;
                    continue;
                }
                return Err(self.failure(file, failed, before, attempt, begun, holders).await);
            }
            match failed {
                Failed::Commit(source) => {
                    self.resolve(file, source).await?;
                    return Ok(done(attempt, vec![], true));
                }
                failed => return Err(self.failure(file, failed, before, attempt, begun, vec![]).await),
            }
        }
    }

    /// Lets refinery apply one file, once.
    async fn attempt(
        &self,
        file: &MigrationFile,
        attempt: u32,
        begun: Instant,
    ) -> Result<Result<Vec<HeldLock>, Failed>, MigrateError> {
        let known: Vec<Migration> = self.migrations.iter().map(|m| m.migration().clone()).collect();
        let mut runner = Runner::new(&known).set_target(Until::Version(file.version()));
        runner.set_migration_table_name(HISTORY);
        let earlier = known.iter().filter(|m| m.version() < file.version()).cloned().map(applied_form);
        let Self { session, keeper, options, .. } = self;
        let work = Work { session, keeper, file, options, attempt, begun };
        let mut guarded =
            Guarded { work, tell: self.tell, earlier: earlier.collect(), locks: vec![], failure: None };
        let result = runner.run_async(&mut guarded).await;
        match (result, guarded.failure) {
            (Ok(_), _) => Ok(Ok(guarded.locks)),
            (Err(_), Some(failure)) => Ok(Err(failure)),
            (Err(source), None) => Err(MigrateError::Engine { file: file.file().into(), source }),
        }
    }

    /// COMMIT was sent, the answer never came. The lock of the old session is free when the server has ended it; then
    /// the history holds the truth. Goes on with a new session.
    async fn resolve(&mut self, file: &MigrationFile, source: ServerError) -> Result<(), MigrateError> {
        let name = file.file().to_owned();
        let Ok(session) = self.reopen().await else {
            return Err(MigrateError::Unresolved { file: name, source });
        };
        self.session = session;
        let history = self.keeper.read(&self.session).await?;
        let applied = history.rows.iter().any(|row| row.version == file.version());
        (self.tell)(&Event::Resolved { file, applied });
        if applied { Ok(()) } else { Err(MigrateError::Lost { file: name, source }) }
    }

    async fn reopen(&self) -> Result<Session, MigrateError> {
        let begun = Instant::now();
        let session = loop {
            match Session::open(self.target).await {
                Ok(session) => break session,
                Err(error) if begun.elapsed() >= self.options.wait => return Err(error.into()),
                Err(_) => tokio::time::sleep(self.options.pause.min(Duration::from_secs(1))).await,
            }
        };
        lock::acquire(&session, self.options.wait).await?;
        Ok(session)
    }

    /// Notes the failure in the log, as far as that can be done, and puts it into words.
    async fn failure(
        &self,
        file: &MigrationFile,
        failed: Failed,
        before: &[AppliedNow],
        attempt: u32,
        begun: Instant,
        holders: Vec<String>,
    ) -> MigrateError {
        let applied = before.iter().map(|done| done.file.clone()).collect();
        let noted = matches!(failed, Failed::HalfDone { .. } | Failed::Unknown(_));
        let name = file.file().to_owned();
        let error = match failed {
            Failed::Refused { file, line, source } => {
                MigrateError::Apply { file, line, applied, holders, source }
            }
            Failed::Left => MigrateError::Left { file: name },
            Failed::Unverified { file: script, line, rows } => {
                MigrateError::Unverified { file: name, script, line, rows }
            }
            Failed::Commit(source) | Failed::Unknown(source) => {
                MigrateError::Unresolved { file: name, source }
            }
            Failed::HalfDone { source, line, invalid } => {
                MigrateError::HalfDone { file: name, line, invalid, source }
            }
        };
        if !noted {
            let Self { session, keeper, options, .. } = self;
            let work = Work { session, keeper, file, options, attempt, begun };
            let entry = work.entry(Outcome::Failed, Some(full_text(&error)));
            // The log is for later; the error is told now, also where the connection is gone.
            entry.write_alone(session, keeper, options).await.ok();
        }
        error
    }
}

/// Returns an error with its cause, which is where the server's words are.
fn full_text(error: &MigrateError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Everything before the file was compared with the history already: refinery is told that it is applied.
fn applied_form(mut migration: Migration) -> Migration {
    migration.set_applied();
    migration
}

/// A session as refinery sees it while it applies one file.
struct Guarded<'a> {
    work: Work<'a>,
    tell: &'a (dyn Fn(&Event<'_>) + Sync),
    /// The migrations before the file.
    earlier: Vec<Migration>,
    /// The locks the file held.
    locks: Vec<HeldLock>,
    /// Why the file failed.
    failure: Option<Failed>,
}

/// Tells refinery that the guard keeps the reason.
#[derive(Debug, Error)]
#[error("the server refused")]
struct Refused;

impl AsyncTransaction for Guarded<'_> {
    type Error = Refused;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, Refused> {
        let queries: Vec<&str> = queries.collect();
        // A single query is the one for the history table, which exists (and needs no statement, below).
        let [sql, history] = queries.as_slice() else { return Ok(0) };
        let result = if self.work.file.no_transaction() {
            self.work.outside_transaction(sql, history, self.tell).await.map(|()| vec![])
        } else {
            self.work.in_transaction(sql, history).await
        };
        match result {
            Ok(locks) => self.locks = locks,
            Err(failure) => {
                self.failure = Some(failure);
                return Err(Refused);
            }
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

impl From<SnapshotError> for MigrateError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Db(error) => Self::Db(error),
            other => Self::Pooler(other),
        }
    }
}

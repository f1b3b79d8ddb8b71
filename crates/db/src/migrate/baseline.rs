//! An existing database is declared to be at a version: its history is written without anything being run.

use std::time::Instant;

use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration, Runner, Target as Until};
use serde::Serialize;
use thiserror::Error;

use super::keeper::Keeper;
use super::log::{Action, LogEntry, Outcome};
use super::{HISTORY, MigrateError, MigrationFile, MigrationSet, UpOptions, lock, prepare};
use crate::error::ServerError;
use crate::{DbError, Session, Target};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BaselineReport {
    /// What was made before.
    pub prepared: Vec<String>,
    /// The files that count as applied from now on.
    pub recorded: Vec<String>,
}

/// Writes all migrations up to `version` into the history, and runs none. That the database is what they would have made of
/// it is the caller's word.
///
/// # Errors
/// There is a history already, or no file of that version; what [`super::up`] refuses of the login.
pub async fn baseline(
    target: &Target,
    migrations: &MigrationSet,
    version: i32,
    options: &UpOptions,
) -> Result<BaselineReport, MigrateError> {
    if !migrations.iter().any(|file| file.version() == version) {
        return Err(MigrateError::NoSuchVersion { version });
    }
    let session = lock::session(target, options.wait).await?;
    let history = Keeper::find(&session).await?.read(&session).await?;
    history.trusted()?;
    if !history.rows.is_empty() {
        return Err(MigrateError::HasHistory { rows: history.rows.len(), last: history.last() });
    }
    let prepared = prepare::prepare(&session, migrations).await?;
    let keeper = Keeper::find(&session).await?;
    let files: Vec<&MigrationFile> = migrations.iter().filter(|file| file.version() <= version).collect();
    let known: Vec<Migration> = migrations.iter().map(|m| m.migration().clone()).collect();
    let mut runner = Runner::new(&known).set_target(Until::FakeVersion(version));
    runner.set_migration_table_name(HISTORY);
    let mut recorder = Recorder { session: &session, keeper, files: &files, options, failure: None };
    if let Err(source) = runner.run_async(&mut recorder).await {
        return Err(match recorder.failure {
            Some(source) => DbError::Query { doing: format!("write {HISTORY}"), source }.into(),
            None => MigrateError::Engine { file: HISTORY.into(), source },
        });
    }
    lock::release(session).await?;
    Ok(BaselineReport { prepared, recorded: files.iter().map(|file| file.file().to_owned()).collect() })
}

/// A session as refinery sees it while it only writes its history.
struct Recorder<'a> {
    session: &'a Session,
    keeper: Keeper,
    files: &'a [&'a MigrationFile],
    options: &'a UpOptions,
    failure: Option<ServerError>,
}

/// Tells refinery that the recorder keeps the reason.
#[derive(Debug, Error)]
#[error("the server refused")]
struct Refused;

impl Recorder<'_> {
    async fn write(&self, rows: &[&str]) -> Result<(), tokio_postgres::Error> {
        self.keeper.begin(self.session).await?;
        for row in rows {
            self.session.batch_execute(row).await?;
        }
        for file in self.files {
            let entry = LogEntry {
                file,
                action: Action::Baseline,
                outcome: Outcome::Done,
                attempts: 1,
                begun: Instant::now(),
                error: None,
            };
            entry.write(self.session, self.options).await?;
        }
        self.session.batch_execute("commit").await
    }
}

impl AsyncTransaction for Recorder<'_> {
    type Error = Refused;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, Refused> {
        // refinery asks for its table first, which is there (no statement, below).
        let rows: Vec<&str> = queries.filter(|query| !query.is_empty()).collect();
        if rows.is_empty() {
            return Ok(0);
        }
        if let Err(error) = self.write(&rows).await {
            self.failure = Some(self.session.server_error(error));
            self.session.batch_execute("rollback").await.ok();
            return Err(Refused);
        }
        Ok(rows.len())
    }
}

impl AsyncQuery<Vec<Migration>> for Recorder<'_> {
    async fn query(&mut self, _: &str) -> Result<Vec<Migration>, Refused> {
        Ok(vec![])
    }
}

impl AsyncMigrate for Recorder<'_> {
    fn assert_migrations_table_query(_: &str) -> String {
        String::new()
    }
}

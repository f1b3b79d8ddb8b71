//! Whether a database and the files still agree: the history with each file, and what the verify scripts find.

use serde::Serialize;

use super::apply::first_with_rows;
use super::history::History;
use super::status::{StatusReport, begin_read_only};
use super::{MigrationSet, State, status};
use crate::{DbError, Session};

/// What was compared, and what came out.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyReport {
    /// The history beside the files.
    #[serde(flatten)]
    pub status: StatusReport,
    /// What the scripts of applied migrations found, where they were run.
    pub scripts: Vec<ScriptResult>,
}

/// What one verify script found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScriptResult {
    /// Its migration's version.
    pub version: i32,
    /// The script.
    pub file: String,
    /// The line of the first query that returned rows, from 1.
    pub line: Option<usize>,
    /// Some of these rows, in words.
    pub rows: Vec<String>,
    /// Why the server did not run it.
    pub error: Option<String>,
}

impl ScriptResult {
    /// Returns whether it found nothing.
    pub fn passed(&self) -> bool {
        self.rows.is_empty() && self.error.is_none()
    }
}

impl VerifyReport {
    /// Returns whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.status.is_sound() && self.scripts.iter().all(ScriptResult::passed)
    }
}

/// Compares the history with the files, and with `scripts` runs the verify script of each applied migration, as the login.
/// Reads only, and the server enforces that.
///
/// # Errors
/// The history exists but may not be read, or the connection fails.
pub async fn verify(
    session: &Session,
    migrations: &MigrationSet,
    scripts: bool,
) -> Result<VerifyReport, DbError> {
    begin_read_only(session).await?;
    let result = read(session, migrations, scripts).await;
    session.batch_execute("rollback").await.map_err(session.doing("end the transaction"))?;
    result
}

async fn read(session: &Session, migrations: &MigrationSet, scripts: bool) -> Result<VerifyReport, DbError> {
    let history = History::read(session).await?;
    let status = status::report(session, migrations, &history).await?;
    let mut results = Vec::new();
    if scripts {
        session
            .batch_execute("set local search_path = ''")
            .await
            .map_err(session.doing("prepare the scripts"))?;
        for file in migrations.iter() {
            let applied = |version| {
                let entry = status.migrations.iter().find(|entry| entry.version == version);
                entry.is_some_and(|entry| entry.state == State::Applied)
            };
            let Some(script) = file.verify().filter(|_| applied(file.version())) else { continue };
            let mut result = ScriptResult {
                version: file.version(),
                file: script.file.clone(),
                line: None,
                rows: vec![],
                error: None,
            };
            let doing = || session.doing(format!("run {}", script.file));
            session.batch_execute("savepoint unisys_verify").await.map_err(doing())?;
            match session.simple_query(&script.sql).await {
                Ok(messages) => {
                    let found = first_with_rows(&script.sql, &messages);
                    (result.line, result.rows) =
                        found.map_or((None, vec![]), |(line, rows)| (Some(line), rows));
                }
                Err(error) => {
                    let said = session.server_error(error);
                    if said.is_connection_lost() {
                        return Err(DbError::Query { doing: format!("run {}", script.file), source: said });
                    }
                    result.error = Some(said.to_string());
                }
            }
            session.batch_execute("rollback to savepoint unisys_verify").await.map_err(doing())?;
            results.push(result);
        }
    }
    Ok(VerifyReport { status, scripts: results })
}

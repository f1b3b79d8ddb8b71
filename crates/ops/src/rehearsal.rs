//! Rehearsals: pending migrations applied to a restored backup, before anybody applies them to the database itself.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use serde::Serialize;
use thiserror::Error;
use unisys_db::migrate::{self, AppliedNow, Event, MigrateError, MigrationSet, UpOptions};
use unisys_db::verify::VerifyError;
use unisys_db::{Session, Target};

use crate::OpsError;
use crate::backup::BackupId;
use crate::changes::Changes;
use crate::drill::{DrillOptions, RestoredCopy, chain};
use crate::progress::Expected;
use crate::restore::OpenBackup;
use crate::store::Store;

/// How a rehearsal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything pending was applied.
    Rehearsed,
    /// The backup has every migration already.
    NothingPending,
    /// A migration failed, or the files do not fit what was applied.
    Failed,
}

/// What a rehearsal found.
#[derive(Clone, Debug, Serialize)]
pub struct RehearsalReport {
    /// How it ended.
    pub outcome: Outcome,
    /// The backup it was made on.
    pub backup: BackupId,
    /// The moment its data is of (UTC).
    pub moment: DateTime<Utc>,
    /// The version of the scratch server.
    pub server_version: String,
    /// How long the restore took, in seconds.
    pub restore_seconds: f64,
    /// The role that applied them on the copy: the login that will, or the copy's superuser.
    pub login: String,
    /// How many migrations the backup had already.
    pub already: usize,
    /// What was applied, in order, with the locks it held.
    pub migrations: Vec<AppliedNow>,
    /// The file that was begun and not applied.
    pub failed: Option<String>,
    /// Why not.
    pub failure: Option<String>,
    /// What a superuser has to run first on the database itself, where the login lacks these rights: SQL.
    pub grants: Vec<String>,
    /// What became of the rows.
    pub changes: Changes,
    /// The database's size before, in bytes.
    pub bytes_before: u64,
    /// Its size after, in bytes.
    pub bytes_after: u64,
    /// What a rehearsal cannot show.
    pub not_rehearsed: Vec<String>,
}

/// A rehearsal could not be held; that tells nothing about the migrations.
#[derive(Debug, Error)]
pub enum RehearsalError {
    /// The backup could not be restored.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// The copy could not be asked.
    #[error("the copy could not be migrated")]
    Migrate(#[from] MigrateError),
    /// The copy could not be compared.
    #[error("the copy could not be compared with its backup")]
    Verify(#[from] VerifyError),
}

/// Restores a backup on a scratch server, applies what is pending there as `login`, looks at what became of it, and lets the
/// server vanish. Nothing is written anywhere else. A login the copy does not let in is replaced by its superuser; then the
/// report says that its rights were not rehearsed.
///
/// # Errors
/// [`RehearsalError`]. A migration that fails is a report, not an error.
pub async fn run(
    store: &dyn Store,
    id: &BackupId,
    options: &DrillOptions,
    migrations: &MigrationSet,
    up: &UpOptions,
    login: &str,
) -> Result<RehearsalReport, RehearsalError> {
    let _hold = store.hold(id)?;
    let begun = Instant::now();
    let copy = RestoredCopy::restore(store, id, options).await?;
    let restore_seconds = begun.elapsed().as_secs_f64();
    // without statistics a migration would be planned as it never is on the database itself
    let bytes_before = copy.analyze().await?;
    let backup = copy.backup();
    let mut report = RehearsalReport {
        outcome: Outcome::Rehearsed,
        backup: id.clone(),
        moment: backup.manifest.moment,
        server_version: copy.server().programs.version().to_string(),
        restore_seconds,
        login: login.to_owned(),
        already: 0,
        migrations: Vec::new(),
        failed: None,
        failure: None,
        grants: Vec::new(),
        changes: Changes { tables: Vec::new(), rows_before: 0, rows_after: 0 },
        bytes_before,
        bytes_after: bytes_before,
        not_rehearsed: not_rehearsed(backup),
    };
    apply(&copy, options, migrations, up, &mut report).await?;
    report.changes = Changes::since(backup, &copy.target(), options.jobs, &options.progress).await?;
    report.bytes_after = copy.bytes().await?;
    Ok(report)
}

/// Applies what is pending, and notes the locks.
async fn apply(
    copy: &RestoredCopy,
    options: &DrillOptions,
    migrations: &MigrationSet,
    up: &UpOptions,
    report: &mut RehearsalReport,
) -> Result<(), RehearsalError> {
    options.progress.begin("migrate", Expected::UNKNOWN);
    let session = Session::open(&copy.target()).await.map_err(OpsError::from)?;
    let status = migrate::status(&session, migrations).await.map_err(OpsError::from)?;
    report.already = status.count(migrate::State::Applied);
    session.close().await;
    let target = login(copy, report).await;
    let begun = Mutex::new(None);
    let applied = Mutex::new(Vec::new());
    let tell = |event: &Event<'_>| match event {
        Event::Starting(file) => {
            options.progress.message(&format!("applying {}", file.file()));
            *begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(file.file().to_owned());
        }
        Event::Applied { applied: now, .. } => {
            applied.lock().unwrap_or_else(PoisonError::into_inner).push((*now).clone());
            *begun.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        _ => {}
    };
    let up = UpOptions { trace_locks: true, ..up.clone() };
    let result = migrate::up(&target, migrations, &up, &tell).await;
    report.migrations = applied.into_inner().unwrap_or_else(PoisonError::into_inner);
    match result {
        Ok(_) if report.migrations.is_empty() => report.outcome = Outcome::NothingPending,
        Ok(_) => {}
        Err(error) if error.as_db().is_some_and(|error| !error.is_about_rights()) => return Err(error.into()),
        Err(error) => {
            if let MigrateError::NotPermitted { sql, .. } = &error {
                report.grants.clone_from(sql);
            }
            report.outcome = Outcome::Failed;
            report.failed = begun.into_inner().unwrap_or_else(PoisonError::into_inner);
            report.failure = Some(chain(&error));
        }
    }
    Ok(())
}

/// Returns the connection of the login that will apply them, with its role as it was restored.
async fn login(copy: &RestoredCopy, report: &mut RehearsalReport) -> Target {
    let superuser = copy.target();
    let target = superuser.with_user(report.login.clone());
    match Session::open(&target).await {
        Ok(session) => {
            session.close().await;
            target
        }
        Err(error) => {
            report.not_rehearsed.insert(
                0,
                format!("the rights of {}, which the copy does not let in: {}", report.login, chain(&error)),
            );
            report.login.clone_from(&superuser.user);
            superuser
        }
    }
}

/// Returns what is otherwise on the database itself.
fn not_rehearsed(backup: &OpenBackup) -> Vec<String> {
    let mut texts = vec![
        "what other sessions do meanwhile: a lock that was free here may have to be waited for".to_owned(),
    ];
    if backup.facts.selection.is_some() {
        texts.push("rows and tables the backup leaves out".to_owned());
    }
    texts
}

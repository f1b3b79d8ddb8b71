//! One drill.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::compare::{self, Comparison, chain};
use super::copy::RestoredCopy;
use super::proof::{DrillRecord, Outcome};
use super::rto::{self, Rto};
use crate::OpsError;
use crate::backup::BackupId;
use crate::evidence::{SigningKey, Trust};
use crate::keys::Identities;
use crate::platform::SystemUser;
use crate::program::Search;
use crate::progress::Progress;
use crate::restore::OpenBackup;
use crate::store::Store;

/// How a drill is done.
#[derive(Clone)]
pub struct DrillOptions {
    /// The keys to decrypt with.
    pub identities: Identities,
    /// Who must have signed the manifest.
    pub trust: Trust,
    /// The key the record is signed with.
    pub signing: Option<SigningKey>,
    /// Where PostgreSQL's programs are looked for.
    pub search: Search,
    /// The directory the scratch server is made in.
    pub parent: PathBuf,
    /// The scratch server's port.
    pub port: u16,
    /// How long to wait while the port is in use.
    pub wait: Duration,
    /// The system user the scratch server runs as; needed as root.
    pub user: Option<SystemUser>,
    /// How many sessions restore and compare at once.
    pub jobs: usize,
    /// The time (UTC), for the record.
    pub now: DateTime<Utc>,
    /// This program's version, for the record.
    pub made_by: String,
    /// Who is told how far it is.
    pub progress: Arc<dyn Progress>,
}

/// Restores a backup on a scratch server, compares everything, records the outcome beside the backup, and lets the server
/// vanish.
///
/// A backup that cannot be opened, restored or found equal gives a record that says so. An error means that the drill itself
/// could not be done and tells nothing about the backup: a busy port, a full disk, a missing program.
///
/// # Errors
/// [`OpsError`] for which [`OpsError::blames_the_backup`] is false.
pub async fn run(store: &dyn Store, id: &BackupId, options: &DrillOptions) -> Result<DrillRecord, OpsError> {
    let _hold = store.hold(id)?; // until its record is written
    let mut record = DrillRecord {
        format: DrillRecord::FORMAT,
        outcome: Outcome::Failed,
        backup: id.clone(),
        manifest_sha256: OpenBackup::manifest_sha256(store, id)?.unwrap_or_default(),
        started: options.now,
        differences: Vec::new(),
        compared: compare::Compared::default(),
        not_compared: Vec::new(),
        restore_seconds: 0.0,
        verify_seconds: 0.0,
        rpo_seconds: (options.now - id.moment()).num_seconds(),
        jobs: options.jobs,
        server_version: String::new(),
        made_by: options.made_by.clone(),
        rto: None,
        signed_by: None,
    };
    match prove(store, id, options, &mut record).await {
        Ok(comparison) => {
            record.outcome =
                if comparison.differences.is_empty() { Outcome::Proven } else { Outcome::Failed };
            record.differences = comparison.differences;
            record.compared = comparison.compared;
            record.not_compared = comparison.not_compared;
        }
        Err(error) if error.blames_the_backup() => record.differences = vec![chain(&error)],
        Err(error) => return Err(error),
    }
    record.write(store, options.signing.as_ref())?;
    Ok(record)
}

async fn prove(
    store: &dyn Store,
    id: &BackupId,
    options: &DrillOptions,
    record: &mut DrillRecord,
) -> Result<Comparison, OpsError> {
    let started = Instant::now();
    let copy = RestoredCopy::restore(store, id, options).await?;
    record.server_version = copy.server().programs.version().to_string();
    record.restore_seconds = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let compared = copy.compare().await;
    record.verify_seconds = started.elapsed().as_secs_f64();
    let comparison = compared?;
    // after the comparison, which must see the copy as it was restored; and it decides nothing
    match rto::measure(&copy, &options.parent).await {
        Ok(measured) => record.rto = Some(Rto::estimate(record.restore_seconds, &measured)),
        Err(error) => options
            .progress
            .message(&format!("the time of a recovery could not be estimated: {}", chain(&error))),
    }
    Ok(comparison)
}

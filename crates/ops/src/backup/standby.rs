//! A backup read from a standby: is it one, does it hold what its primary has, and was it replay that got in the way.

use std::time::Duration;

use chrono::{DateTime, Utc};
use unisys_db::catalog::DatabaseFacts;
use unisys_db::standby::{self, StandbyError};
use unisys_db::{Session, Target};

use super::BackupOptions;
use super::work::Shared;
use crate::OpsError;

/// How long to wait before a standby that has cancelled a statement is asked again.
pub(super) const AFTER_CONFLICT: Duration = Duration::from_secs(2);

/// A standby to read instead of the database's own server.
#[derive(Clone, Debug)]
pub struct Standby {
    /// The same database on the standby.
    pub target: Target,
    /// How long it may take to replay what the primary has when the backup begins.
    pub max_replay_lag: Duration,
}

/// Returns the server to read, and for a standby since when it holds all the primary has.
pub(super) async fn source(options: &BackupOptions) -> Result<(&Target, Option<DateTime<Utc>>), OpsError> {
    let Some(Standby { target, max_replay_lag }) = &options.standby else {
        return Ok((&options.target, None));
    };
    let caught_up = standby::catch_up(&options.target, target, *max_replay_lag).await;
    let caught_up = caught_up.map_err(|error| match error {
        StandbyError::Db(error) => OpsError::Db(error),
        other => OpsError::Standby(other),
    })?;
    Ok((target, Some(caught_up)))
}

/// Returns how many statements a standby has cancelled so far; a primary cancels none.
pub(super) async fn conflicts(session: &Session, database: &DatabaseFacts) -> i64 {
    match database.standby {
        // without the figure a conflict is still known by what pg_dump says
        true => standby::count_conflicts(session).await.unwrap_or(i64::MAX),
        false => i64::MAX,
    }
}

/// Whether a standby's replay ended what failed. A child's words follow the server's language, so the server is asked too.
pub(super) async fn was_conflict(shared: &Shared, error: &OpsError) -> bool {
    match error {
        OpsError::Db(error) if standby::is_conflict(error) => return true,
        OpsError::Program { stderr, .. } if stderr.contains("conflict with recovery") => return true,
        OpsError::Db(_) | OpsError::Program { .. } | OpsError::MomentLost => {}
        _ => return false,
    }
    let Ok(session) = Session::open(shared.coordinator.target()).await else { return false };
    standby::count_conflicts(&session).await.is_ok_and(|now| now > shared.conflicts)
}

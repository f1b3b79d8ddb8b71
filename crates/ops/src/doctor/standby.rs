//! The standby that backups are read from: whether it is one, how far it is behind, and what happens to a backup that is in
//! replay's way.

use std::time::Duration;

use unisys_db::Target;
use unisys_db::standby::{self, Conflicts, StandbyError};

use super::Finding;
use super::finding::{Broken, reason};
use crate::OpsError;
use crate::backup::Standby;

pub(super) const STANDBY: &str = "standby";

/// The same of the standby that backups are read from.
const DUMP_FROM: &str = "dump-from";

/// How long the doctor waits for a standby at most: a backup has more time.
const PATIENCE: Duration = Duration::from_secs(5);

const RELOAD: &str = "-- on the standby, then select pg_reload_conf();";

/// Looks at the standby that backups of a primary are to be read from.
pub(super) async fn examine(
    primary: &Target,
    standby: &Result<Option<Standby>, Broken>,
    explain: fn(&OpsError) -> Option<String>,
) -> Vec<Finding> {
    match standby {
        Ok(None) => Vec::new(),
        Ok(Some(standby)) => look(primary, standby, explain).await,
        Err(broken) => vec![Finding::broken(DUMP_FROM, broken)],
    }
}

/// Tries whether `standby` can be read instead of its primary. Nothing is changed on either.
pub async fn look(
    primary: &Target,
    standby: &Standby,
    explain: fn(&OpsError) -> Option<String>,
) -> Vec<Finding> {
    let conflicts = match standby::conflicts_of(&standby.target).await {
        Ok(conflicts) => conflicts,
        Err(error) => return vec![failed(StandbyError::Db(error), explain)],
    };
    if conflicts.paused {
        let text = format!("replay is paused on {}: it falls behind its primary", standby.target);
        return vec![Finding::fail(DUMP_FROM, text, "select pg_wal_replay_resume(); -- on the standby")];
    }
    let patience = standby.max_replay_lag.min(PATIENCE);
    match standby::catch_up(primary, &standby.target, patience).await {
        Ok(_) => {
            let text = format!("{} is of the same cluster and holds what its primary has", standby.target);
            vec![Finding::ok(DUMP_FROM, text), Finding { check: DUMP_FROM, ..judge(&conflicts) }]
        }
        Err(error @ StandbyError::Behind { .. }) if patience < standby.max_replay_lag => {
            let text = format!("{}; a backup waits {:?}", reason(&error), standby.max_replay_lag);
            let repair = explain(&OpsError::Standby(error)).unwrap_or_default();
            vec![Finding::warn(DUMP_FROM, text, repair), Finding { check: DUMP_FROM, ..judge(&conflicts) }]
        }
        Err(error) => vec![failed(error, explain)],
    }
}

fn failed(error: StandbyError, explain: fn(&OpsError) -> Option<String>) -> Finding {
    let text = reason(&error);
    let error = match error {
        StandbyError::Db(error) => OpsError::Db(error),
        other => OpsError::Standby(other),
    };
    Finding { repair: explain(&error), ..Finding::fail(DUMP_FROM, text, "") }
}

/// Judges what happens when what a backup reads has changed on the primary.
pub(super) fn judge(conflicts: &Conflicts) -> Finding {
    match conflicts {
        Conflicts { delay: None, .. } => Finding::ok(
            STANDBY,
            "replay waits for a backup as long as it takes (max_standby_streaming_delay = -1), and falls behind meanwhile",
        ),
        Conflicts { feedback: true, delay: Some(delay), .. } => Finding::ok(
            STANDBY,
            format!(
                "hot_standby_feedback is on: vacuum waits for a backup; DDL on the primary ends it after {}",
                seconds(*delay)
            ),
        ),
        Conflicts { feedback: false, delay: Some(delay), .. } => Finding::warn(
            STANDBY,
            format!(
                "what vacuum removes or DDL changes on the primary ends a backup after {} (max_standby_streaming_delay)",
                seconds(*delay)
            ),
            format!("alter system set hot_standby_feedback = on; {RELOAD}"),
        ),
    }
}

/// Returns a time as the server's settings are written.
fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[rstest::rstest]
    #[case(false, Some(30), Level::Warn, "ends a backup after 30 s")]
    #[case(false, Some(0), Level::Warn, "ends a backup after 0 s")]
    #[case(true, Some(30), Level::Ok, "DDL on the primary ends it after 30 s")]
    #[case(false, None, Level::Ok, "falls behind meanwhile")]
    fn a_backup_in_replays_way_is_told_what_becomes_of_it(
        #[case] feedback: bool,
        #[case] delay: Option<u64>,
        #[case] level: Level,
        #[case] part: &str,
    ) {
        let delay = delay.map(Duration::from_secs);
        let finding = judge(&Conflicts { feedback, delay, paused: false });
        assert_eq!(finding.level, level);
        assert!(finding.text.contains(part), "{finding:?}");
    }
}

//! Looking after a backup while its workers work: whether its moment is still held, and whether it has to give up.

use std::time::{Duration, Instant};

use unisys_db::run_lock::RunLock;
use unisys_db::standby::{self, Conflicts};
use unisys_db::{DbError, replication};

use super::Limits;
use super::work::Shared;
use crate::OpsError;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);

/// How long a replica may be too far behind: a checkpoint or a large commit passes.
const LAG_PATIENCE: Duration = Duration::from_secs(10);

/// What is known from the looks before.
pub(super) struct Watch {
    limits: Limits,
    run: Instant,
    snapshot: Instant,
    asked: Instant,
    lagging_since: Option<Instant>,
    told_blind: bool,
    told_waiting: bool,
}

impl Watch {
    /// Begins to watch a run that began at `run` and has its snapshot since `snapshot`.
    pub(super) fn new(limits: Limits, run: Instant, snapshot: Instant) -> Self {
        Self {
            limits,
            run,
            snapshot,
            asked: snapshot,
            lagging_since: None,
            told_blind: false,
            told_waiting: false,
        }
    }

    /// Looks now and then; returns when the backup has to end, with the reason.
    pub(super) async fn until_the_end(&mut self, shared: &Shared, lock: &RunLock) -> OpsError {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(error) = self.look(shared, lock).await {
                return error;
            }
        }
    }

    async fn look(&mut self, shared: &Shared, lock: &RunLock) -> Result<(), OpsError> {
        if shared.coordinator.session().is_closed() {
            return Err(OpsError::MomentLost);
        }
        if let Some(text) = self.limits.passed(self.run.elapsed(), self.snapshot.elapsed()) {
            return Err(OpsError::Limit(text));
        }
        // a network that swallows everything closes nothing: only an answer shows that the moment is still held
        if self.asked.elapsed() >= self.limits.network_timeout / 3 {
            if shared.moment_is_lost().await {
                return Err(OpsError::MomentLost);
            }
            self.asked = Instant::now();
        }
        if self.limits.replication_lag.is_some() {
            self.look_at_replicas(shared).await?;
        }
        if shared.database.standby && !self.told_waiting {
            self.look_at_replay(shared).await?;
        }
        Ok(lock.renew().await?)
    }

    /// Says when replay waits, which it does for a while before it ends what is in its way. It may be others' queries.
    async fn look_at_replay(&mut self, shared: &Shared) -> Result<(), OpsError> {
        let session = shared.coordinator.session();
        let asked = async {
            match standby::replay_waits(session).await? {
                Some(true) => Conflicts::load(session).await.map(Some),
                Some(false) | None => Ok(None),
            }
        };
        let asked = tokio::time::timeout(self.limits.network_timeout, asked).await;
        let asked: Result<_, DbError> = asked.map_err(|_| OpsError::MomentLost)?;
        let Some(conflicts) = asked? else { return Ok(()) };
        self.told_waiting = true;
        let then = match conflicts.delay {
            None => "and falls behind until this backup is done (max_standby_streaming_delay = -1)".into(),
            Some(delay) => {
                format!("and ends what is in its way after {delay:?} (max_standby_streaming_delay)")
            }
        };
        shared
            .options
            .progress
            .message(&format!("replay on the standby waits for queries such as this backup's, {then}"));
        Ok(())
    }

    async fn look_at_replicas(&mut self, shared: &Shared) -> Result<(), OpsError> {
        let asked = replication::replicas(shared.coordinator.session());
        let Ok(replicas) = tokio::time::timeout(self.limits.network_timeout, asked).await else {
            return Err(OpsError::MomentLost);
        };
        let replicas = replicas?;
        if self.limits.is_blind(&replicas) && !self.told_blind {
            self.told_blind = true;
            shared.options.progress.message(
                "the login may not see how far the replicas are behind, so nothing stops the backup when they \
                 fall behind: grant it pg_monitor",
            );
        }
        let Some(text) = self.limits.lagging(&replicas) else {
            self.lagging_since = None;
            return Ok(());
        };
        if self.lagging_since.get_or_insert_with(Instant::now).elapsed() >= LAG_PATIENCE {
            return Err(OpsError::Limit(text));
        }
        Ok(())
    }
}

//! The workers of a backup: `jobs` at once, one queue, until all is done or one of them fails.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;
use unisys_db::DbError;
use unisys_db::run_lock::RunLock;
use unisys_db::snapshot::Worker;
use unisys_db::standby::is_conflict;

use super::silence;
use super::standby::was_conflict;
use super::watch::Watch;
use super::work::{Done, Shared, Work};
use crate::OpsError;
use crate::drill::chain;

/// How often a piece of work is begun again after its connection was lost.
const LIVES: u32 = 3;

/// Why an attempt failed, and whether another may succeed.
pub(super) enum Failed {
    /// DDL was queued behind our locks: letting go and beginning again helps.
    Contended(OpsError),
    /// A standby cancelled a statement or a session, because replay was in conflict with it: another attempt may get through.
    Conflict(OpsError),
    Other(OpsError),
}

impl<E: Into<OpsError>> From<E> for Failed {
    fn from(error: E) -> Self {
        let error = error.into();
        match &error {
            refused if lock_refused(refused) => Self::Contended(error),
            OpsError::Db(source) if is_conflict(source) => Self::Conflict(error),
            _ => Self::Other(error),
        }
    }
}

/// DDL that holds one lock and waits for another of ours shows as a deadlock.
fn lock_refused(error: &OpsError) -> bool {
    let refusals = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED];
    match error {
        OpsError::Db(error) => error.sqlstate().is_some_and(|state| refusals.contains(state)),
        _ => false,
    }
}

/// Lets `jobs` workers do all the work; the first error, of a worker or of the watch, ends them all.
pub(super) async fn perform_all(
    shared: &Arc<Shared>,
    large_objects: u64,
    watch: &mut Watch,
    lock: &RunLock,
) -> Result<Vec<Done>, Failed> {
    let queue = Arc::new(Mutex::new(VecDeque::from(shared.work(large_objects))));
    let (stop, stopped) = watch::channel(false);
    let mut workers = JoinSet::new();
    for _ in 0..shared.options.jobs.max(1) {
        let work = worker(Arc::clone(shared), Arc::clone(&queue));
        let stopped = stopped.clone();
        workers.spawn_blocking(move || on_own_runtime(work, stopped));
    }
    let mut done = Vec::new();
    loop {
        let result = tokio::select! {
            result = workers.join_next() => match result {
                None => return Ok(done),
                Some(result) => result.unwrap_or_else(|_| Err(OpsError::Refused("a worker was stopped".into()))),
            },
            error = watch.until_the_end(shared, lock) => Err(error),
        };
        match result {
            Ok(mut some) => done.append(&mut some),
            Err(error) => {
                let _ = stop.send(true);
                while workers.join_next().await.is_some() {}
                return Err(judge(shared, error).await);
            }
        }
    }
}

/// Runs a worker on this thread alone. The task that drives its connection and the one that reads the rows hand over every
/// eight kilobytes; between two cores each time is a wake-up, a twentieth of all the CPU that a backup takes.
/// When its starter is gone or says so, the work is dropped where it stands.
fn on_own_runtime<T>(
    work: impl Future<Output = Result<T, OpsError>>,
    mut stopped: watch::Receiver<bool>,
) -> Result<T, OpsError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|source| OpsError::Spawn { program: "a worker's thread".into(), source })?;
    runtime.block_on(async {
        tokio::select! {
            result = work => result,
            _ = stopped.wait_for(|stop| *stop) => Err(OpsError::Refused("a worker was stopped".into())),
        }
    })
}

/// pg_dump does not say in a form to rely on that a lock was refused (its messages follow the server's language), so the
/// same locks are asked for once more.
pub(super) async fn judge(shared: &Shared, error: OpsError) -> Failed {
    if matches!(error, OpsError::Limit(_) | OpsError::RunLock(_)) {
        return Failed::Other(error);
    }
    if shared.database.standby && was_conflict(shared, &error).await {
        return Failed::Conflict(error);
    }
    if matches!(error, OpsError::MomentLost) {
        return Failed::Other(error);
    }
    if shared.moment_is_lost().await {
        return Failed::Other(OpsError::MomentLost);
    }
    if matches!(&error, OpsError::Program { .. })
        && let Err(refused) = shared.worker().await
        && lock_refused(&refused)
    {
        return Failed::Contended(refused);
    }
    error.into()
}

async fn worker(shared: Arc<Shared>, queue: Arc<Mutex<VecDeque<Work>>>) -> Result<Vec<Done>, OpsError> {
    let mut worker: Option<Worker> = None;
    let mut done = Vec::new();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(work) = next else { return Ok(done) };
        done.push(perform(&shared, &work, &mut worker).await?);
    }
}

/// Does a piece of work; when its connection is lost, imports the snapshot again and repeats it.
async fn perform(shared: &Shared, work: &Work, worker: &mut Option<Worker>) -> Result<Done, OpsError> {
    let mut lives = LIVES;
    loop {
        match attempt(shared, work, worker).await {
            Err(error)
                if lives > 1
                    && (is_lost(&error) || worker.as_ref().is_some_and(|w| w.session.is_closed())) =>
            {
                lives -= 1;
                shared.options.progress.message(&format!(
                    "a worker lost its connection and begins its piece again: {}",
                    chain(&error)
                ));
                *worker = None;
            }
            result => return result,
        }
    }
}

/// A server that cannot be reached at all has been tried for as long as it is to be.
fn is_lost(error: &OpsError) -> bool {
    error.is_connection_lost() && !matches!(error, OpsError::Db(DbError::Connect { .. }))
}

async fn attempt(shared: &Shared, work: &Work, worker: &mut Option<Worker>) -> Result<Done, OpsError> {
    if work.is_child() {
        return shared.perform(work, None).await;
    }
    let worker = match worker {
        Some(worker) => worker,
        None => worker.insert(shared.bounded_worker().await?),
    };
    tokio::select! {
        result = shared.perform(work, Some(&worker.session)) => result,
        error = silence::until_lost(shared, worker) => Err(OpsError::Db(error)),
    }
}

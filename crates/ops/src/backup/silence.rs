//! A worker's connection that is swallowed: neither bytes nor an end arrive. The moment's own connection lives, so the server can
//! be asked over it.

use std::time::{Duration, Instant};

use unisys_db::DbError;
use unisys_db::silence::{Suspicion, backend, end_backend};
use unisys_db::snapshot::Worker;

use super::work::Shared;

/// Looks at a worker's connection now and then; returns when it is lost. Its process on the server is then ended.
pub(super) async fn until_lost(shared: &Shared, worker: &Worker) -> DbError {
    let patience = shared.options.limits.network_timeout;
    let pause = patience / 4;
    let silence = worker.session.silence();
    let mut suspicion = Suspicion::new(patience, pause);
    loop {
        tokio::time::sleep(pause).await;
        if !suspicion.asks(silence.lasts()) {
            continue;
        }
        let moment = shared.coordinator.session();
        // when the moment's connection does not answer either, the watch ends the backup
        let Ok(Ok(found)) = tokio::time::timeout(patience, backend(moment, worker.pid)).await else {
            continue;
        };
        if suspicion.is_lost(Instant::now(), silence.lasts(), found) {
            // a process that cannot be ended is the server's to find
            let _ = tokio::time::timeout(ENDING, end_backend(moment, worker.pid)).await;
            return DbError::Silent { waited: patience };
        }
    }
}

/// How long to wait for the answer that a process was told to end.
const ENDING: Duration = Duration::from_secs(5);

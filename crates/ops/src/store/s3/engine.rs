//! A thread with a runtime of its own: the store's methods wait, whoever calls them, and do not need the caller's runtime.

use std::future::Future;
use std::io;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use object_store::client::{HttpError, HttpErrorKind};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::bucket::BRIEFLY;
use super::fault;
use crate::OpsError;

/// The threads that sign, encrypt and send.
const THREADS: usize = 2;

/// How often something is tried at the least, however long a try takes.
const TRIES: u32 = 3;

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How long an answer to a short question is waited for.
const ANSWER: Duration = Duration::from_secs(20);

/// No limit but the client's own.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug)]
pub(super) struct Engine {
    handle: Handle,
    /// Dropped, it ends the thread.
    _stop: oneshot::Sender<()>,
}

impl Engine {
    pub(super) fn start() -> Result<Self, OpsError> {
        let failed = |source| OpsError::Spawn { program: "the bucket's thread".into(), source };
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(THREADS).thread_name("bucket").enable_all();
        let runtime = builder.build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("bucket".into());
        let work = move || {
            // an error means that the sender is gone, which is the sign
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        };
        thread.spawn(work).map_err(failed)?;
        Ok(Self { handle, _stop: stop })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Does `work` on the runtime and waits for it.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, OpsError>> + Send + 'static,
    ) -> Result<T, OpsError> {
        let (done, result) = mpsc::sync_channel(1);
        self.handle.spawn(async move {
            // nobody waits any more when the receiver is gone
            let _ = done.send(work.await);
        });
        result.recv().unwrap_or_else(|_| Err(OpsError::Refused("the bucket's thread was stopped".into())))
    }

    /// As [`Engine::wait`], but not longer than `limit`.
    pub(super) fn wait_at_most(&self, limit: Duration, work: impl Future<Output = ()> + Send + 'static) {
        let limited = async move {
            // what is not done by then is left to the next run
            let _ = tokio::time::timeout(limit, work).await;
            Ok(())
        };
        let _ = self.wait(limited);
    }
}

/// Tries again what may yet succeed, with growing pauses, for about as long as `patience`.
pub(super) async fn patiently<T, F>(
    patience: Duration,
    mut attempt: impl FnMut() -> F,
) -> object_store::Result<T>
where
    F: Future<Output = object_store::Result<T>>,
{
    let begun = Instant::now();
    let mut pause = Duration::from_millis(200);
    let mut tries = 1;
    // a person who asks does not wait as long as a part may take
    let limit = if patience > BRIEFLY { FOREVER } else { ANSWER };
    loop {
        match tokio::time::timeout(limit, attempt()).await.unwrap_or_else(|_| Err(no_answer())) {
            Err(error)
                if fault::is_transient(&error) && (tries < TRIES || begun.elapsed() + pause < patience) =>
            {
                // several workers that failed together do not come back together
                tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                tries += 1;
            }
            result => return result,
        }
    }
}

fn no_answer() -> object_store::Error {
    let source = HttpError::new(HttpErrorKind::Timeout, io::Error::from(io::ErrorKind::TimedOut));
    object_store::Error::Generic { store: "S3", source: source.into() }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn failing(text: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: text.into() }
    }

    async fn tries_of(patience: Duration, text: &str) -> u32 {
        let tries = AtomicU32::new(0);
        let attempt = || async {
            tries.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(failing(text))
        };
        assert!(patiently(patience, attempt).await.is_err());
        tries.into_inner()
    }

    #[tokio::test]
    async fn what_cannot_succeed_is_tried_once_and_the_rest_at_least_three_times() {
        let refused = "non-2xx status code: 403 Forbidden: ";
        assert_eq!(tries_of(Duration::from_secs(60), refused).await, 1);
        assert_eq!(tries_of(Duration::ZERO, "non-2xx status code: 503 Service Unavailable: ").await, 3);
    }

    #[test]
    fn it_can_be_waited_for_from_within_another_runtime() {
        let engine = Engine::start().unwrap();
        let runtime = Builder::new_current_thread().build().unwrap();
        let seven = runtime.block_on(async { engine.wait(async { Ok(7) }).unwrap() });
        assert_eq!(seven, 7);
        runtime.block_on(async move { drop(engine) });
    }
}

//! Small questions to a store, some at once: a bucket answers many in the time it takes for one.

use std::sync::{Mutex, PoisonError};

use crate::OpsError;

/// How many are asked at once.
const ASKERS: usize = 8;

/// Does the work for each item, some at once, and returns what came of it, in no order.
///
/// # Errors
/// The first of the work's.
pub(crate) fn each<T: Send, R: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<R, OpsError> + Sync,
) -> Result<Vec<R>, OpsError> {
    let askers = items.len().min(ASKERS);
    let queue = Mutex::new(items);
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let ask = || -> Result<Vec<R>, OpsError> {
        let mut found = Vec::new();
        while let Some(item) = next() {
            found.push(work(item)?);
        }
        Ok(found)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..askers).map(|_| scope.spawn(ask)).collect();
        let stopped = || OpsError::Refused("a thread was stopped".into());
        let mut found = Vec::new();
        for thread in threads {
            found.extend(thread.join().map_err(|_| stopped())??);
        }
        Ok(found)
    })
}

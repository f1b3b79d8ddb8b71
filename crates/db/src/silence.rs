//! Whether a connection that brings nothing is lost. A network can swallow everything and close nothing, and a server can be silent
//! for long before the first row: so the server is asked, over another connection, what the silent one's process does.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::{DbError, Session};

/// How long rows have been waited for on a session.
#[derive(Debug, Default)]
pub struct Silence(Mutex<Reading>);

#[derive(Clone, Copy, Debug, Default)]
enum Reading {
    /// No rows are read; whether anything is waited for is not known.
    #[default]
    Nothing,
    /// Rows are there, or nobody asks for more.
    Rows,
    /// More rows are asked for.
    Waiting(Instant),
}

impl Silence {
    fn set(&self, reading: Reading) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }

    /// Rows are read, and one is there.
    pub(crate) fn heard(&self) {
        self.set(Reading::Rows);
    }

    /// The next row is waited for from now on.
    pub(crate) fn waits(&self) {
        self.set(Reading::Waiting(Instant::now()));
    }

    /// No rows are read any more.
    pub(crate) fn ends(&self) {
        self.set(Reading::Nothing);
    }

    /// Returns how long rows have been waited for; zero while there are some, nothing while none are read.
    pub fn lasts(&self) -> Option<Duration> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Reading::Nothing => None,
            Reading::Rows => Some(Duration::ZERO),
            Reading::Waiting(since) => Some(since.elapsed()),
        }
    }
}

/// What a session's process on the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// It is not there.
    Gone,
    /// It works, or cannot be seen.
    Works,
    /// It waits for the client to take what it sends, in a statement since then.
    Sends(Option<DateTime<Utc>>),
    /// It has answered and waits for the next statement, since then.
    Answered(Option<DateTime<Utc>>),
}

/// Looks up what the process `pid` does.
///
/// # Errors
/// [`DbError::Query`].
pub async fn backend(session: &Session, pid: i32) -> Result<Backend, DbError> {
    let sql = include_str!("../../../sql/backup/backend.sql");
    let row = session.query_opt(sql, &[&pid]).await.map_err(session.doing("look at a worker's process"))?;
    Ok(match row {
        None => Backend::Gone,
        Some(row) => match (row.get("active"), row.get("sending")) {
            (Some(true), true) => Backend::Sends(row.get("since")),
            (Some(false), _) => Backend::Answered(row.get("since")),
            (Some(true), false) | (None, _) => Backend::Works,
        },
    })
}

/// Ends the process `pid`, whose client is given up: its locks and its snapshot would stay until the server notices by itself.
///
/// # Errors
/// [`DbError::Query`].
pub async fn end_backend(session: &Session, pid: i32) -> Result<(), DbError> {
    let sql = "select pg_catalog.pg_terminate_backend($1)";
    session.query_one(sql, &[&pid]).await.map_err(session.doing("end a lost worker's process"))?;
    Ok(())
}

/// How long the work between one answer and the next statement may take at least.
const BETWEEN_STATEMENTS: Duration = Duration::from_secs(20);

/// Judges a connection, look by look. Pure.
#[derive(Debug)]
pub struct Suspicion {
    patience: Duration,
    pause: Duration,
    seen: Option<(Instant, Backend)>,
}

impl Suspicion {
    /// Returns the judgement of a connection that is looked at every `pause` and may be silent for `patience`.
    pub fn new(patience: Duration, pause: Duration) -> Self {
        Self { patience, pause, seen: None }
    }

    /// Whether it is worth asking the server now. What brings rows is trusted.
    pub fn asks(&mut self, silence: Option<Duration>) -> bool {
        let asks = silence.is_none_or(|lasts| lasts >= self.patience);
        if !asks {
            self.seen = None;
        }
        asks
    }

    /// Whether the connection is lost: the server has answered, or cannot send, and stands so from one look to another. Where
    /// nothing says how long an answer is waited for, it must stand so for all the patience.
    pub fn is_lost(&mut self, now: Instant, silence: Option<Duration>, backend: Backend) -> bool {
        if backend == Backend::Works || !self.asks(silence) {
            self.seen = None;
            return false;
        }
        let since = match self.seen {
            Some((since, before)) if before == backend => since,
            _ => now,
        };
        self.seen = Some((since, backend));
        let enough = if silence.is_some() { self.pause } else { self.patience.max(BETWEEN_STATEMENTS) };
        now.duration_since(since) >= enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Says at which of the looks, one each second with a patience of three, the connection is given up.
    fn lost_at(silence: impl Fn(u32) -> Option<u32>, backend: impl Fn(u32) -> Backend) -> Option<u32> {
        let mut suspicion = Suspicion::new(3 * SECOND, SECOND);
        let begun = Instant::now();
        (0..60).find(|look| {
            let silence = silence(*look).map(|seconds| seconds * SECOND);
            suspicion.asks(silence) && suspicion.is_lost(begun + *look * SECOND, silence, backend(*look))
        })
    }

    fn at(second: u32) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(i64::from(second), 0)
    }

    #[test]
    fn rows_that_do_not_come_are_lost_when_the_server_has_nothing_to_do() {
        assert_eq!(lost_at(Some, |_| Backend::Answered(at(0))), Some(4));
        assert_eq!(lost_at(Some, |_| Backend::Sends(at(0))), Some(4));
        assert_eq!(lost_at(Some, |_| Backend::Gone), Some(4));
    }

    #[test]
    fn a_server_that_works_may_be_silent_for_ever() {
        assert_eq!(lost_at(Some, |_| Backend::Works), None);
        assert_eq!(lost_at(|_| None, |_| Backend::Works), None);
        assert_eq!(
            lost_at(Some, |look| if look % 2 == 0 { Backend::Works } else { Backend::Sends(at(0)) }),
            None
        );
    }

    #[test]
    fn rows_that_come_or_wait_for_us_are_no_silence() {
        assert_eq!(lost_at(|_| Some(0), |_| Backend::Sends(at(0))), None);
        assert_eq!(lost_at(|look| Some(look % 3), |_| Backend::Answered(at(0))), None);
    }

    #[test]
    fn an_answer_that_nobody_counts_the_time_of_is_waited_for_longer() {
        assert_eq!(lost_at(|_| None, |_| Backend::Answered(at(0))), Some(20));
        assert_eq!(
            lost_at(|_| None, |look| Backend::Answered(at(look))),
            None,
            "statement follows statement"
        );
    }
}

//! Trying again to connect, while what stands in the way may go by itself: a server that restarts, a network that drops packets.

use std::time::{Duration, Instant};

use super::{Obstacle, Session, Target};
use crate::DbError;

/// The first pause; each is twice the one before it.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// How long to try again, and who is told of each failure.
pub struct Retries<'t> {
    /// How long after the first try the last one may begin. Zero tries once.
    pub within: Duration,
    /// Is told why a try failed, and how long the pause is until the next.
    pub told: &'t (dyn Fn(&DbError, Duration) + Sync),
}

impl Retries<'_> {
    /// Tries once.
    pub const NONE: Self = Self { within: Duration::ZERO, told: &|_, _| {} };
}

impl Session {
    /// Opens a session as [`Session::open`] does; tries again, with longer and longer pauses, while the reason may pass.
    ///
    /// # Errors
    /// As [`Session::open`], of the last try.
    pub async fn open_patiently(target: &Target, retries: &Retries<'_>) -> Result<Self, DbError> {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            match Self::open(target).await {
                Err(error) if error.may_pass() && begun.elapsed() + pause <= retries.within => {
                    (retries.told)(&error, pause);
                    tokio::time::sleep(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                result => return result,
            }
        }
    }
}

impl DbError {
    /// Whether a connection that was not got may be got a moment later: nothing listens (yet), no answer, the server starts, stops
    /// or is full. A refused login, a wrong name or certificate stay as they are.
    pub fn may_pass(&self) -> bool {
        let Self::Connect { source, .. } = self else { return false };
        match source.sqlstate() {
            Some(state) => matches!(state.code(), "57P01" | "57P02" | "57P03" | "53300"),
            None => matches!(
                source.obstacle(),
                Obstacle::Refused | Obstacle::TimedOut | Obstacle::NoSocket | Obstacle::Other
            ),
        }
    }
}

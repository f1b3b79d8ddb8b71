//! One backup of a database at a time, whichever host it is made from: an advisory lock on the server.
//!
//! The lock is a session's, not a transaction's, and sessions of transaction poolers are nobody's: those are refused first. On a
//! standby the lock is the standby's own: it keeps two runs there apart, not one there from one on the primary.

use std::fmt;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::Mutex;
use tokio_postgres::Row;

use crate::connect::Retries;
use crate::snapshot::{SnapshotError, refuse_pooler};
use crate::{DbError, Session, Target};

/// How long a session that holds the lock may take to end: that of a run which was killed, or which gave up, a moment ago.
const ENDING: Duration = Duration::from_secs(3);

/// The right to back up a database, held by a session of its own until this is dropped.
pub struct RunLock {
    session: Mutex<Session>,
}

/// Who holds the lock, as far as the login may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockHolder {
    /// The server process of its session.
    pub pid: i32,
    /// Its login.
    pub login: Option<String>,
    /// The name it gave itself.
    pub application: Option<String>,
    /// Where it comes from; none for a Unix socket.
    pub address: Option<String>,
    /// Since when it is connected (UTC).
    pub since: Option<String>,
}

/// The lock was not got.
#[derive(Debug, Error)]
pub enum RunLockError {
    /// Another run holds it.
    #[error("another run backs up {database}: {holder}")]
    Held {
        /// The database.
        database: String,
        /// Who.
        holder: Box<LockHolder>,
    },
    /// The server could not be asked.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The connection goes through a transaction pooler.
    #[error(transparent)]
    Snapshot(SnapshotError),
}

impl RunLock {
    /// Takes the lock of the target's database, within three seconds or not at all. A server that cannot be reached is tried
    /// again as `retries` says.
    ///
    /// # Errors
    /// [`RunLockError`].
    pub async fn take(target: &Target, retries: &Retries<'_>) -> Result<Self, RunLockError> {
        let session = Session::open_patiently(target, retries).await?;
        refuse_pooler(session.target()).await.map_err(|error| match error {
            SnapshotError::Db(error) => RunLockError::Db(error),
            other => RunLockError::Snapshot(other),
        })?;
        let begun = Instant::now();
        loop {
            match lock(&session).await {
                Ok(()) => return Ok(Self { session: Mutex::new(session) }),
                Err(RunLockError::Held { .. }) if begun.elapsed() < ENDING => {
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the one server that answered.
    pub async fn target(&self) -> Target {
        self.session.lock().await.target().clone()
    }

    /// Takes the lock again where the session that held it was lost. A server that cannot be reached now is left to the next
    /// call: the lock is lost only when somebody else has it.
    ///
    /// # Errors
    /// [`RunLockError::Held`].
    pub async fn renew(&self) -> Result<(), RunLockError> {
        let mut session = self.session.lock().await;
        if !session.is_closed() {
            return Ok(());
        }
        let limit = Duration::from_secs(10);
        let Ok(Ok(fresh)) = tokio::time::timeout(limit, Session::open(session.target())).await else {
            return Ok(());
        };
        match lock(&fresh).await {
            Ok(()) => *session = fresh,
            Err(error @ RunLockError::Held { .. }) => return Err(error),
            Err(_) => {}
        }
        Ok(())
    }

    /// Gives the lock back. Dropping it does so too, but breaks the connection off.
    pub async fn release(self) {
        self.session.into_inner().close().await;
    }
}

async fn lock(session: &Session) -> Result<(), RunLockError> {
    session.set_pinned().await?;
    let doing = || session.doing("take the backup lock");
    let sql = include_str!("../../../sql/backup/try_lock.sql");
    if session.query_one(sql, &[]).await.map_err(doing())?.get("held") {
        return Ok(());
    }
    let sql = include_str!("../../../sql/backup/lock_holder.sql");
    let row = session.query_opt(sql, &[]).await.map_err(doing())?;
    let holder = row.map_or_else(LockHolder::gone, |row| LockHolder::of(&row));
    Err(RunLockError::Held { database: session.target().database.clone(), holder: Box::new(holder) })
}

impl LockHolder {
    /// Somebody who held it a moment ago.
    pub(crate) fn gone() -> Self {
        Self { pid: 0, login: None, application: None, address: None, since: None }
    }

    pub(crate) fn of(row: &Row) -> Self {
        Self {
            pid: row.get("pid"),
            login: row.get("login"),
            application: row.get("application"),
            address: row.get("address"),
            since: row.get("since"),
        }
    }
}

/// `server process 4711, unisys-dba as dba from 10.0.0.7, since 2026-11-21 02:00:00 UTC`
impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return f.write_str("a session that has ended meanwhile");
        }
        write!(f, "server process {}", self.pid)?;
        if let (Some(application), Some(login)) = (&self.application, &self.login) {
            write!(f, ", {application} as {login}")?;
        }
        match (&self.address, &self.since) {
            (Some(address), Some(since)) => write!(f, " from {address}, since {since}"),
            (None, Some(since)) => write!(f, " on the server itself, since {since}"),
            _ => f.write_str(", which this login may not see more of"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_told_as_far_as_it_is_known() {
        let some = |text: &str| Some(text.to_owned());
        let all = LockHolder {
            pid: 7,
            login: some("dba"),
            application: some("unisys-dba"),
            address: some("10.0.0.7"),
            since: some("2026-11-21 02:00:00 UTC"),
        };
        let local = LockHolder { address: None, ..all.clone() };
        let hidden = LockHolder { pid: 7, ..LockHolder::gone() };
        assert_eq!(
            [all, local, hidden, LockHolder::gone()].map(|holder| holder.to_string()),
            [
                "server process 7, unisys-dba as dba from 10.0.0.7, since 2026-11-21 02:00:00 UTC",
                "server process 7, unisys-dba as dba on the server itself, since 2026-11-21 02:00:00 UTC",
                "server process 7, which this login may not see more of",
                "a session that has ended meanwhile",
            ]
        );
    }
}

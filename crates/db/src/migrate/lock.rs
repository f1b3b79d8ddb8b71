//! One runner per database at a time.
//!
//! The lock is polled: a session that waits in `pg_advisory_lock()` holds a snapshot, and a runner that builds an index
//! concurrently waits for every snapshot. That is a deadlock.

use std::time::{Duration, Instant};

use super::MigrateError;
use super::calm::calm;
use crate::snapshot::refuse_pooler;
use crate::{DbError, Session, Target};

const POLL: Duration = Duration::from_millis(100);

/// Opens a session that is the database's one runner, or says who else is when `wait` is over.
pub(crate) async fn session(target: &Target, wait: Duration) -> Result<Session, MigrateError> {
    let session = Session::open(target).await?;
    refuse_pooler(session.target()).await?;
    acquire(&session, wait).await?;
    Ok(session)
}

/// Takes the lock, or says who has it when `wait` is over. It is gone when the session is.
pub(crate) async fn acquire(session: &Session, wait: Duration) -> Result<(), MigrateError> {
    calm(session).await.map_err(session.doing("prepare the session"))?;
    let begun = Instant::now();
    let query = include_str!("../../../../sql/migrate/try_lock.sql");
    loop {
        let row = session.query_one(query, &[]).await.map_err(DbError::doing("take the migration lock"))?;
        if row.get(0) {
            return Ok(());
        }
        if begun.elapsed() >= wait {
            return Err(MigrateError::Locked { holder: holder(session).await?, waited: wait });
        }
        tokio::time::sleep(POLL.min(wait)).await;
    }
}

/// Gives the lock back and ends the session.
pub(crate) async fn release(session: Session) -> Result<(), MigrateError> {
    let query = include_str!("../../../../sql/migrate/unlock.sql");
    session.query_one(query, &[]).await.map_err(DbError::doing("release the migration lock"))?;
    session.close().await;
    Ok(())
}

async fn holder(session: &Session) -> Result<String, DbError> {
    let query = include_str!("../../../../sql/migrate/lock_holder.sql");
    let row =
        session.query_opt(query, &[]).await.map_err(DbError::doing("find who holds the migration lock"))?;
    Ok(row.map_or_else(
        || "already gone".to_owned(),
        |row| {
            let (pid, login): (i32, &str) = (row.get(0), row.get(1));
            let (application, since): (&str, &str) = (row.get(2), row.get(3));
            format!("process {pid}, {login}, {application}, since {since}")
        },
    ))
}

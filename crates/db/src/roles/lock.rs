//! One change of a database's roles at a time.
//!
//! An advisory lock belongs to a database, and roles to the whole server: two changes from two databases are kept apart by the
//! rows of the catalogs they both write. The second of them waits, fails, and is tried again from a new look
//! ([`super::apply()`]); what it then finds done it does not do.
//!
//! The lock is polled: a session that waits in `pg_advisory_lock()` holds a snapshot, and whatever waits for all snapshots (an
//! index built concurrently) would wait for it.

use std::time::{Duration, Instant};

use super::RolesError;
use crate::migrate::calm;
use crate::run_lock::LockHolder;
use crate::snapshot::refuse_pooler;
use crate::{DbError, Session, Target};

const POLL: Duration = Duration::from_millis(100);

/// Opens a session that holds the lock until it ends, or says who does when `wait` is over. On a standby there is nothing to lock.
pub(crate) async fn session(target: &Target, wait: Duration) -> Result<Session, RolesError> {
    let session = Session::open(target).await?;
    refuse_pooler(session.target()).await?;
    let query = include_str!("../../../../sql/connect/server_role.sql");
    let row = session.query_one(query, &[]).await.map_err(session.doing("ask whether this is a standby"))?;
    if row.get("standby") {
        return Err(RolesError::Standby { database: session.target().database.clone() });
    }
    calm(&session).await.map_err(session.doing("prepare the session"))?;
    let begun = Instant::now();
    let query = include_str!("../../../../sql/roles/try_lock.sql");
    loop {
        let row = session.query_one(query, &[]).await.map_err(session.doing("take the lock of roles"))?;
        if row.get("held") {
            return Ok(session);
        }
        if begun.elapsed() >= wait {
            let holder = Box::new(holder(&session).await?);
            return Err(RolesError::Locked { holder, waited: wait });
        }
        tokio::time::sleep(POLL.min(wait)).await;
    }
}

/// Gives the lock back and ends the session.
pub(crate) async fn release(session: Session) -> Result<(), DbError> {
    let query = include_str!("../../../../sql/roles/unlock.sql");
    session.query_one(query, &[]).await.map_err(session.doing("release the lock of roles"))?;
    session.close().await;
    Ok(())
}

async fn holder(session: &Session) -> Result<LockHolder, DbError> {
    let query = include_str!("../../../../sql/roles/lock_holder.sql");
    let row = session.query_opt(query, &[]).await;
    let row = row.map_err(session.doing("find who holds the lock of roles"))?;
    Ok(row.map_or_else(LockHolder::gone, |row| LockHolder::of(&row)))
}

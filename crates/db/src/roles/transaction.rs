//! One change of roles as one transaction: under the lock, tried again where others got in the way, settled when the answer to
//! its COMMIT is lost.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;

use super::record::as_role;
use super::{Applied, ApplyEvent, ApplyOptions, Change, RolesError, lock, record};
use crate::error::ServerError;
use crate::{DbError, Session, Target};

/// Between two attempts it is never waited longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How often it is tried where what the server says would be as true the next time, unless somebody was faster just now.
const DOUBTFUL_ATTEMPTS: u32 = 3;

/// Hears of each step.
pub(crate) type Tell<'a> = &'a (dyn Fn(&ApplyEvent<'_>) + Sync);

/// What is to become of the transaction.
pub(crate) enum End {
    /// Nothing was written.
    Nothing(Applied),
    /// It is committed; the number of its record settles whether it was.
    Commit(Applied),
}

/// What is done in the transaction, each time it is tried.
pub(crate) trait Work: Sync {
    /// Does it: looks, changes, looks again, records.
    fn attempt(&self, session: &Session) -> impl Future<Output = Result<End, RolesError>> + Send;
}

/// Does some work in a transaction and commits it; nothing of it is left when there is an error.
///
/// REPEATABLE READ, because a look at roles and privileges is a dozen queries, and must be of one moment; what the transaction
/// itself changes it sees.
pub(crate) async fn change(
    target: &Target,
    options: &ApplyOptions,
    tell: Tell<'_>,
    work: &impl Work,
) -> Result<Applied, RolesError> {
    let session = lock::session(target, options.wait).await?;
    let lock_timeout = options.lock_timeout.as_millis();
    let begin = format!(
        "begin isolation level repeatable read, read write; set local search_path = ''; \
         set local lock_timeout = '{lock_timeout}ms'; set local role none"
    );
    let (begun, mut pause, mut attempt) = (Instant::now(), options.pause, 1);
    loop {
        session.batch_execute(&begin).await.map_err(session.doing("begin to change roles"))?;
        let error = match work.attempt(&session).await {
            Ok(End::Nothing(done)) => {
                session.batch_execute("rollback").await.map_err(session.doing("end the transaction"))?;
                lock::release(session).await?;
                return Ok(Applied { attempts: attempt, ..done });
            }
            Ok(End::Commit(done)) => {
                commit(target, session, done.id, options, tell).await?;
                return Ok(Applied { attempts: attempt, ..done });
            }
            Err(error) => error,
        };
        let again = match error.blames_others() {
            Blame::Surely => begun.elapsed() < options.wait,
            Blame::Perhaps => begun.elapsed() < options.wait && attempt < DOUBTFUL_ATTEMPTS,
            Blame::No => false,
        };
        if !again {
            return Err(error);
        }
        session.batch_execute("rollback").await.map_err(session.doing("roll back"))?;
        tell(&ApplyEvent::Waiting { attempt, why: &full_text(&error), pause });
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        attempt += 1;
    }
}

async fn commit(
    target: &Target,
    session: Session,
    id: Option<i64>,
    options: &ApplyOptions,
    tell: Tell<'_>,
) -> Result<(), RolesError> {
    let Err(error) = session.batch_execute("commit").await else {
        return Ok(lock::release(session).await?);
    };
    let source = session.server_error(error);
    if !source.is_connection_lost() {
        return Err(RolesError::Lost { source });
    }
    drop(session);
    let Some(id) = id else { return Err(RolesError::Unresolved { source }) };
    match was_committed(target, id, options).await {
        Ok(true) => {
            tell(&ApplyEvent::Resolved);
            Ok(())
        }
        Ok(false) => Err(RolesError::Lost { source }),
        Err(_) => Err(RolesError::Unresolved { source }),
    }
}

/// The lock of the old session is free when the server has ended it; then the record holds the truth.
async fn was_committed(target: &Target, id: i64, options: &ApplyOptions) -> Result<bool, RolesError> {
    let begun = Instant::now();
    let session = loop {
        match lock::session(target, options.wait).await {
            Ok(session) => break session,
            Err(RolesError::Db(error)) if error.is_connection_lost() && begun.elapsed() < options.wait => {
                tokio::time::sleep(options.pause.min(Duration::from_secs(1))).await;
            }
            Err(error) => return Err(error),
        }
    };
    let committed = record::exists(&session).await? && record::is_there(&session, id).await?;
    lock::release(session).await?;
    Ok(committed)
}

/// Runs statements in the transaction that is open.
pub(crate) async fn run(session: &Session, changes: &[Change], tell: Tell<'_>) -> Result<(), RolesError> {
    let of = changes.len();
    for (done, change) in changes.iter().enumerate() {
        tell(&ApplyEvent::Running { done, of });
        let statement = as_role(change.as_role.as_deref(), &change.sql);
        session.batch_execute(&statement).await.map_err(|error| RolesError::Statement {
            number: done + 1,
            of,
            as_role: change.as_role.clone(),
            sql: change.sql.clone(),
            source: session.server_error(error),
        })?;
    }
    tell(&ApplyEvent::Running { done: of, of });
    Ok(())
}

/// Whether somebody else was the reason.
pub(crate) enum Blame {
    No,
    /// The same may happen for another reason, and then it will again.
    Perhaps,
    Surely,
}

impl RolesError {
    /// Whether an error may not come again, because somebody changed the same at this moment.
    fn blames_others(&self) -> Blame {
        let source = match self {
            // What somebody else committed meanwhile is in the rows that were changed.
            Self::NotReached(_) | Self::Db(DbError::Unexpected(_)) => return Blame::Perhaps,
            Self::Statement { source, .. } | Self::Record { source, .. } => source,
            Self::Db(DbError::Query { source, .. }) => source,
            _ => return Blame::No,
        };
        blames_others(source)
    }
}

fn blames_others(source: &ServerError) -> Blame {
    match source.code() {
        Some(
            &SqlState::T_R_DEADLOCK_DETECTED
            | &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::LOCK_NOT_AVAILABLE
            | &SqlState::UNIQUE_VIOLATION,
        ) => Blame::Surely,
        // `tuple concurrently updated`, `… deleted`: catalogs know no other word for it, and it is never translated
        Some(&SqlState::INTERNAL_ERROR) => {
            let concurrent =
                |error: &tokio_postgres::error::DbError| error.message().contains("concurrently");
            if source.as_db_error().is_some_and(concurrent) { Blame::Surely } else { Blame::No }
        }
        Some(
            &SqlState::DUPLICATE_OBJECT
            | &SqlState::DUPLICATE_SCHEMA
            | &SqlState::DUPLICATE_TABLE
            | &SqlState::UNDEFINED_OBJECT
            | &SqlState::UNDEFINED_TABLE
            | &SqlState::UNDEFINED_FUNCTION
            | &SqlState::INVALID_SCHEMA_NAME
            | &SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        ) => Blame::Perhaps,
        _ => Blame::No,
    }
}

/// Returns an error with its cause, which is where the server's words are.
fn full_text(error: &RolesError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

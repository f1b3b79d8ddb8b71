//! A standby that is read instead of its primary: whether it is one, and whether it has replayed what the primary had.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::{DbError, Session, Target};

/// How often a standby that is behind is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// A standby cannot be read instead of its primary.
#[derive(Debug, Error)]
pub enum StandbyError {
    /// Talking to one of them failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The server to read is no standby.
    #[error("{0} is no standby: it takes writes")]
    Primary(String),
    /// The server that should be the primary is a standby too.
    #[error("{0} is a standby itself: name its primary in url")]
    NoPrimary(String),
    /// It is a standby of another cluster, or the database is another one.
    #[error("{standby} is no standby of {primary}: {what}")]
    Other {
        /// The standby.
        standby: String,
        /// The primary.
        primary: String,
        /// What differs.
        what: String,
    },
    /// It did not catch up in time.
    #[error("{standby} is still {bytes} bytes of write-ahead log behind its primary after {waited:?}")]
    Behind {
        /// The standby.
        standby: String,
        /// How far.
        bytes: i64,
        /// How long it was given.
        waited: Duration,
    },
}

struct Position {
    system_identifier: String,
    database: String,
    standby: bool,
    now: DateTime<Utc>,
    lsn: Option<String>,
}

impl Position {
    async fn of(session: &Session) -> Result<Self, DbError> {
        let sql = include_str!("../../../sql/standby/position.sql");
        let row = session.query_one(sql, &[]).await.map_err(session.doing("ask where the server stands"))?;
        Ok(Self {
            system_identifier: row.get("system_identifier"),
            database: row.get("database"),
            standby: row.get("standby"),
            now: row.get("now"),
            lsn: row.get("lsn"),
        })
    }
}

/// Waits until `standby` has replayed all that `primary` had made safe when this was called, and returns when that was by the
/// primary's clock: a snapshot taken on the standby from now on is of that moment or later.
///
/// # Errors
/// [`StandbyError`]; [`StandbyError::Behind`] when it takes longer than `patience`.
pub async fn catch_up(
    primary: &Target,
    standby: &Target,
    patience: Duration,
) -> Result<DateTime<Utc>, StandbyError> {
    let (source, copy) = (Session::open(primary).await?, Session::open(standby).await?);
    let (of_source, of_copy) = (Position::of(&source).await?, Position::of(&copy).await?);
    if !of_copy.standby {
        return Err(StandbyError::Primary(copy.target().to_string()));
    }
    let other = |what: String| StandbyError::Other {
        standby: copy.target().to_string(),
        primary: source.target().to_string(),
        what,
    };
    if of_source.system_identifier != of_copy.system_identifier {
        let (a, b) = (&of_copy.system_identifier, &of_source.system_identifier);
        return Err(other(format!("it is of the cluster {a}, not of {b}")));
    }
    if of_source.database != of_copy.database {
        return Err(other(format!("its database is {}, not {}", of_copy.database, of_source.database)));
    }
    let Some(lsn) = of_source.lsn else {
        return Err(StandbyError::NoPrimary(source.target().to_string()));
    };
    source.close().await;
    let started = Instant::now();
    loop {
        let bytes = behind(&copy, &lsn).await?;
        if bytes <= 0 {
            copy.close().await;
            return Ok(of_source.now);
        }
        if started.elapsed() >= patience {
            return Err(StandbyError::Behind { standby: copy.target().to_string(), bytes, waited: patience });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn behind(session: &Session, lsn: &str) -> Result<i64, DbError> {
    let sql = include_str!("../../../sql/standby/behind.sql");
    let row = session.query_one(sql, &[&lsn]).await.map_err(session.doing("ask how far replay is behind"))?;
    // a standby that has replayed nothing yet is behind by all of it
    Ok(row.get::<_, Option<i64>>("bytes").unwrap_or(i64::MAX))
}

/// Returns how many statements of the session's database its standby has cancelled so far; none on a primary.
///
/// # Errors
/// [`DbError::Query`].
pub async fn count_conflicts(session: &Session) -> Result<i64, DbError> {
    let sql = include_str!("../../../sql/standby/conflicts.sql");
    let row = session.query_one(sql, &[]).await.map_err(session.doing("count conflicts with replay"))?;
    Ok(row.get("conflicts"))
}

/// What a standby does about queries that are in replay's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflicts {
    /// Whether it tells its primary which rows are still read (`hot_standby_feedback`), so that vacuum leaves them.
    pub feedback: bool,
    /// How long replay waits for a query before it ends it; without end where there is none (`max_standby_streaming_delay`).
    pub delay: Option<Duration>,
    /// Whether replay is paused.
    pub paused: bool,
}

impl Conflicts {
    /// Asks the session's server.
    ///
    /// # Errors
    /// [`DbError::Query`].
    pub async fn load(session: &Session) -> Result<Self, DbError> {
        let sql = include_str!("../../../sql/standby/settings.sql");
        let row =
            session.query_one(sql, &[]).await.map_err(session.doing("ask about conflicts with replay"))?;
        Ok(Self {
            feedback: row.get("feedback"),
            delay: u64::try_from(row.get::<_, i64>("delay")).ok().map(Duration::from_millis),
            paused: row.get("paused"),
        })
    }
}

/// Asks a server over a connection of its own.
///
/// # Errors
/// [`DbError`].
pub async fn conflicts_of(target: &Target) -> Result<Conflicts, DbError> {
    let session = Session::open(target).await?;
    let conflicts = Conflicts::load(&session).await?;
    session.close().await;
    Ok(conflicts)
}

/// Whether replay waits for a query just now; unknown where the login may not see it.
///
/// # Errors
/// [`DbError::Query`].
pub async fn replay_waits(session: &Session) -> Result<Option<bool>, DbError> {
    let sql = include_str!("../../../sql/standby/waiting.sql");
    let row = session.query_one(sql, &[]).await.map_err(session.doing("look whether replay waits"))?;
    Ok(row.get("waiting"))
}

/// Whether a standby ended a statement or a session because replay was in conflict with it.
pub fn is_conflict(error: &DbError) -> bool {
    // T_R_SERIALIZATION_FAILURE: a read-only transaction meets it nowhere else
    error.sqlstate().is_some_and(|state| state.code() == "40001")
}

//! How far replicas are behind.

use std::time::Duration;

use crate::{DbError, Session};

/// A replica, and how far it is behind, as far as the login may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// What it calls itself.
    pub name: String,
    /// How much write-ahead log it has not replayed yet, in bytes.
    pub bytes: Option<u64>,
    /// How long ago the server had what it replays now. Unknown while nothing is written.
    pub time: Option<Duration>,
}

/// Returns the replicas the session's server feeds, and the server itself where it is one.
///
/// # Errors
/// [`DbError::Query`].
pub async fn replicas(session: &Session) -> Result<Vec<Replica>, DbError> {
    let sql = include_str!("../../../sql/backup/replication_lag.sql");
    let rows = session.query(sql, &[]).await.map_err(session.doing("look up the replicas' lag"))?;
    let count = |number: Option<i64>| number.map(|number| u64::try_from(number).unwrap_or(0));
    Ok(rows
        .iter()
        .map(|row| Replica {
            name: row.get("replica"),
            bytes: count(row.get("bytes")),
            time: count(row.get("milliseconds")).map(Duration::from_millis),
        })
        .collect())
}

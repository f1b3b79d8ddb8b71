//! Facts: what is known of a database's content at one moment, and what another one must show to be equal to it.

use serde::{Deserialize, Serialize};

use crate::catalog::Table;
use crate::copy::RowsOut;
use crate::fingerprint::{RowDigest, RowFacts, Seed};
use crate::throttle::Throttle;
use crate::{DbError, Session};

/// What is known of one table's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFacts {
    /// The table. Its columns, in this order, are what a row of the fingerprint is made of.
    pub table: Table,
    /// Its rows.
    pub rows: RowFacts,
}

/// Reads a table once and returns what is known of its rows.
///
/// # Errors
/// [`DbError::Query`] naming the table.
pub async fn of_table(session: &Session, table: &Table, seed: Seed) -> Result<RowFacts, DbError> {
    of_table_throttled(session, table, seed, &Throttle::default()).await
}

/// As [`of_table`], not faster than `throttle` allows.
///
/// # Errors
/// As [`of_table`].
pub async fn of_table_throttled(
    session: &Session,
    table: &Table,
    seed: Seed,
    throttle: &Throttle,
) -> Result<RowFacts, DbError> {
    let doing = format!("read the table {}", table.name);
    digest(session, &table.copy_out(), seed, doing, throttle).await
}

/// Reads all large objects once, in pieces of a mebibyte, with their owners and access lists.
///
/// # Errors
/// [`DbError::Query`]; the login needs SELECT on each of them.
pub async fn of_large_objects(session: &Session, seed: Seed) -> Result<RowFacts, DbError> {
    of_large_objects_throttled(session, seed, &Throttle::default()).await
}

/// As [`of_large_objects`], not faster than `throttle` allows.
///
/// # Errors
/// As [`of_large_objects`].
pub async fn of_large_objects_throttled(
    session: &Session,
    seed: Seed,
    throttle: &Throttle,
) -> Result<RowFacts, DbError> {
    let sql = include_str!("../../../sql/catalog/large_object_rows.sql");
    let doing = "read the large objects".into();
    digest(session, &format!("copy ({sql}) to stdout"), seed, doing, throttle).await
}

/// Returns how many large objects there are.
///
/// # Errors
/// [`DbError::Query`].
pub async fn count_large_objects(session: &Session) -> Result<u64, DbError> {
    let sql = include_str!("../../../sql/catalog/large_objects.sql");
    let row = session.query_one(sql, &[]).await.map_err(DbError::doing("count the large objects"))?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

/// Whether this login may read password hashes, which `pg_dumpall` then takes along.
///
/// # Errors
/// [`DbError::Query`].
pub async fn can_read_role_passwords(session: &Session) -> Result<bool, DbError> {
    let sql = "select pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'select')";
    let row = session.query_one(sql, &[]).await.map_err(DbError::doing("look up what the login may read"))?;
    Ok(row.get(0))
}

/// Counts a table's own rows.
///
/// # Errors
/// [`DbError::Query`] naming the table.
pub async fn count_rows(session: &Session, table: &Table) -> Result<u64, DbError> {
    let sql = format!("select count(*) from only {}", table.name.quoted());
    let doing = format!("count the rows of {}", table.name);
    let row = session.query_one(&sql, &[]).await.map_err(DbError::doing(doing))?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

async fn digest(
    session: &Session,
    sql: &str,
    seed: Seed,
    doing: String,
    throttle: &Throttle,
) -> Result<RowFacts, DbError> {
    let mut rows = RowsOut::start(session, sql, doing).await?;
    let mut digest = RowDigest::new(seed);
    let mut batch = Vec::new();
    loop {
        let more = rows.next_batch(&mut batch).await?;
        throttle.pay(batch.len()).await;
        digest.update(&batch);
        batch.clear();
        if !more {
            return Ok(digest.facts());
        }
    }
}

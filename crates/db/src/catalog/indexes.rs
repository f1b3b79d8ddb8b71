//! The indexes of a database: what building them again will cost.

use serde::{Deserialize, Serialize};

use crate::{DbError, Session};

/// An index of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// The table's object id in the source.
    pub table: u32,
    /// The object id under which an archive knows it: the constraint's where there is one, else the index's.
    pub oid: u32,
    /// The access method, such as `btree`.
    pub method: String,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// Returns the indexes of the tables as the session's transaction sees them.
///
/// # Errors
/// [`DbError::Query`].
pub async fn list_indexes(session: &Session) -> Result<Vec<Index>, DbError> {
    let sql = include_str!("../../../../sql/catalog/indexes.sql");
    let rows = session.query(sql, &[]).await.map_err(session.doing("list the indexes"))?;
    let index = |row: &tokio_postgres::Row| Index {
        table: row.get("table_oid"),
        oid: row.get("oid"),
        method: row.get("method"),
        bytes: u64::try_from(row.get::<_, i64>("bytes")).unwrap_or(0),
    };
    Ok(rows.iter().map(index).collect())
}

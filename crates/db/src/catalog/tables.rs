//! The tables of a database.

use serde::{Deserialize, Serialize};

use crate::{DbError, Session, TableName, quote_ident};

/// A table whose rows a backup must hold, or a partitioned parent, which has none of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its object id in the source.
    pub oid: u32,
    /// Its name.
    pub name: TableName,
    /// Whether it is a partitioned parent.
    pub parent: bool,
    /// Its owner.
    pub owner: String,
    /// The size of its own rows, in bytes, without TOAST and indexes.
    pub heap_bytes: u64,
    /// The size of its rows, in bytes, with TOAST, without indexes.
    pub table_bytes: u64,
    /// Whether it is an ordinary heap, which can be read by ranges of pages.
    pub heap: bool,
    /// The extension whose configuration it holds.
    pub extension: Option<String>,
    /// Whether a crash of the server empties it.
    pub unlogged: bool,
    /// The columns COPY reads and writes, in the source's order: all but the generated ones.
    pub columns: Vec<String>,
}

impl Table {
    /// Returns an ordinary table of which nothing is known but its name.
    pub fn named(name: TableName) -> Self {
        Self {
            oid: 0,
            name,
            parent: false,
            owner: String::new(),
            heap_bytes: 0,
            table_bytes: 0,
            heap: true,
            extension: None,
            unlogged: false,
            columns: Vec::new(),
        }
    }

    /// Returns the `COPY … TO STDOUT` that gives its own rows, without those of children.
    pub fn copy_out(&self) -> String {
        format!("copy {}{} to stdout", self.name.quoted(), self.column_list())
    }

    /// Returns the `COPY … TO STDOUT` for the rows on the pages `from..to`; without `to`, to the end.
    pub fn copy_out_pages(&self, from: u64, to: Option<u64>) -> String {
        let columns = self.columns.iter().map(|column| quote_ident(column)).collect::<Vec<_>>().join(", ");
        let upper = to.map(|to| format!(" and ctid < '({to},0)'::tid")).unwrap_or_default();
        format!(
            "copy (select {columns} from only {} where ctid >= '({from},0)'::tid{upper}) to stdout",
            self.name.quoted()
        )
    }

    /// Returns the `COPY … FROM STDIN` that takes what [`Table::copy_out`] gives.
    pub fn copy_in(&self) -> String {
        format!("copy {}{} from stdin", self.name.quoted(), self.column_list())
    }

    /// A table without columns is copied without a list: COPY knows no empty one.
    fn column_list(&self) -> String {
        if self.columns.is_empty() {
            return String::new();
        }
        let columns = self.columns.iter().map(|column| quote_ident(column)).collect::<Vec<_>>().join(", ");
        format!(" ({columns})")
    }
}

/// Returns the tables of the connected database as the session's transaction sees them, by schema and name.
///
/// # Errors
/// [`DbError::Query`].
pub async fn list_tables(session: &Session) -> Result<Vec<Table>, DbError> {
    let sql = include_str!("../../../../sql/catalog/tables.sql");
    let rows = session.query(sql, &[]).await.map_err(DbError::doing("list the tables"))?;
    let size = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
    Ok(rows
        .iter()
        .map(|row| Table {
            oid: row.get("oid"),
            name: TableName::new(row.get::<_, String>("schema"), row.get::<_, String>("name")),
            parent: row.get("parent"),
            owner: row.get("owner"),
            heap_bytes: size(row.get("heap_bytes")),
            table_bytes: size(row.get("table_bytes")),
            heap: row.get("heap"),
            extension: row.get("extension"),
            unlogged: row.get("unlogged"),
            columns: row.get("columns"),
        })
        .collect())
}

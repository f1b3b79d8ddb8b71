//! Which part of a database a backup holds: chosen by patterns, resolved against the catalog.
//!
//! Everything is chosen but what is left out, whichever way it was written: `schemas = ["app"]` leaves the other schemas out. So
//! what belongs to no schema (extensions, casts, publications, large objects) always stays, and so do the functions and types
//! of a schema of which only some tables were chosen. What stays but needs what is left out could not be restored, and is an
//! error here.

mod choose;
mod resolve;
mod scope;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::pattern::{SchemaPattern, TablePattern};
use crate::{DbError, TableName};

pub use resolve::resolve;
pub use scope::Scope;

/// Whether definitions, rows or both are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Definitions and rows.
    #[default]
    All,
    /// Definitions alone: no rows, no sequence values, no large objects.
    Schema,
    /// Rows, sequence values and large objects; definitions only beside them, so that they can be proved.
    Data,
}

/// What is chosen. The default is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Whether definitions, rows or both.
    pub content: Content,
    /// The schemas; all where there is none.
    pub schemas: Vec<SchemaPattern>,
    /// Schemas that are left out all the same.
    pub exclude_schemas: Vec<SchemaPattern>,
    /// The tables, views and sequences; all where there is none. A partitioned table comes with its partitions, a table with
    /// the sequences of its columns.
    pub tables: Vec<TablePattern>,
    /// Tables, views and sequences that are left out all the same.
    pub exclude_tables: Vec<TablePattern>,
    /// Tables whose rows are left out.
    pub exclude_table_data: Vec<TablePattern>,
    /// Whether the rows of sessions and staging tables are left out where our own migrations made the schema.
    pub exclude_transient: bool,
}

/// The tables of our own schema whose rows are worth nothing after a disaster: sessions, and what was loaded to be looked at.
pub const TRANSIENT: [&str; 2] = ["app.sessions", "etl.staging_*"];

impl Selection {
    /// Whether nothing is left out, whatever the database holds.
    pub fn is_everything(&self) -> bool {
        self == &Self::default()
    }
}

/// An object that stays and one it needs that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// What stays, for people: `view app.v`.
    pub object: String,
    /// What it needs, for people: `table app.t`.
    pub needs: String,
}

/// A selection that a database does not allow.
#[derive(Debug, Error)]
pub enum SelectionError {
    /// The catalog could not be asked.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A pattern takes nothing: it is misspelt, or what it was for is gone.
    #[error("{option} {pattern:?} takes no {what} of the database")]
    Nothing {
        /// The option it was given with.
        option: &'static str,
        /// The pattern.
        pattern: String,
        /// What it is for: "schema", "table".
        what: &'static str,
    },
    /// What stays could not be restored.
    #[error("what is chosen needs what is left out: {}", needs(.0))]
    Needs(Vec<Needed>),
    /// Foreign keys that could not be restored, because the rows they point to are left out: their names with their tables.
    #[error("foreign keys of tables whose rows are kept point to rows that are left out: {}", few(.0))]
    References(Vec<String>),
    /// Nothing is left.
    #[error("the selection leaves every schema of the database out")]
    Empty,
}

fn needs(all: &[Needed]) -> String {
    let texts: Vec<String> =
        all.iter().map(|needed| format!("{} needs {}", needed.object, needed.needs)).collect();
    few(&texts)
}

/// Returns texts for a line: the first five, then how many more there are.
fn few(texts: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = texts.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    match texts.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown}; and {more} more"),
        _ => shown,
    }
}

/// A table, view or sequence that somebody made.
#[derive(Clone, Debug)]
struct Relation {
    oid: u32,
    name: TableName,
    kind: char,
    belongs_to: Option<u32>,
}

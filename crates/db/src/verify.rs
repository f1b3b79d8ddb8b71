//! Whether two databases, or a database and what is known of a backup, hold the same rows: exactly, table by table.
//!
//! Each database is read at one moment of its own by several sessions; nothing is written. Partitioned tables are compared by
//! their leaves. Columns are matched by name.

mod plan;
mod run;

pub use plan::{Columns, Pair, State, pair};
pub use run::{Content, Side, Verdict, VerifyError, VerifyOptions, run};

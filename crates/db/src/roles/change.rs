//! What is to be done to a server, and what would undo it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One statement that changes roles or privileges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When it is its turn.
    pub phase: Phase,
    /// Who says it; `None`: the login. A grantor's own grants are taken back by that grantor only, and an owner's things given
    /// by the owner.
    pub as_role: Option<String>,
    /// The statement, without a semicolon. Never a password.
    pub sql: String,
    /// Why, as a sentence for people.
    pub reason: String,
    /// The line of the policy it follows from; `None`: from what the policy does not say.
    pub line: Option<usize>,
    /// What takes it back, in this order; empty where nothing can (a dropped role).
    pub undo: Vec<Statement>,
}

/// For people: the statement.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sql)
    }
}

/// A statement and who says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Who says it; `None`: the login.
    pub as_role: Option<String>,
    /// The statement, without a semicolon.
    pub sql: String,
}

/// The order of changes: what others need first, what is taken away after what is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// `CREATE ROLE`
    Create,
    /// `ALTER ROLE` (attributes), `COMMENT ON ROLE`
    Attributes,
    /// `ALTER ROLE … SET`, `ALTER DATABASE … SET`, connection limits
    Settings,
    /// `GRANT role TO role`
    Join,
    /// `CREATE SCHEMA`, `ALTER … OWNER TO`
    Owners,
    /// `GRANT … ON …`
    Grants,
    /// `ALTER DEFAULT PRIVILEGES … GRANT`
    Defaults,
    /// `ALTER DEFAULT PRIVILEGES … REVOKE`
    DefaultRevokes,
    /// `REVOKE … ON …`
    Revokes,
    /// `GRANT … (columns) ON …`: after the table's own privilege is gone, which would take these along
    ColumnGrants,
    /// `REVOKE role FROM role`
    Leave,
    /// What ends a role: sessions, what it owns, itself
    Retire,
}

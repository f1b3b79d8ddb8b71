//! The end of a role: what it has goes to somebody else, what it was given is taken back, in every database; then it is dropped.
//!
//! That is no transaction: each database has its own, and a session that was ended is ended. The steps come in an order in which
//! a run that was killed at any point can be repeated, and the role does no harm in between: first it can log in no more.

mod plan;
mod run;

use serde::Serialize;

pub use plan::plan_retirements;
pub use run::retire;

/// What the end of a role takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RetirementPlan {
    /// The role.
    pub role: String,
    /// Who gets what it owns.
    pub reassign_to: String,
    /// Whether it can log in.
    pub login: bool,
    /// Its sessions, which are ended where the policy says so.
    pub sessions: Vec<RoleSession>,
    /// The databases to work in: where it owns or is given something. The current one is the last.
    pub databases: Vec<InDatabase>,
    /// What stands in the way, a sentence each.
    pub obstacles: Vec<String>,
}

/// A session of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoleSession {
    /// The server process.
    pub pid: i32,
    /// Where it is connected to.
    pub database: String,
    /// The name it gave itself.
    pub application: Option<String>,
    /// Where it comes from; none for a Unix socket.
    pub address: Option<String>,
    /// Since when, in UTC (ISO 8601).
    pub since: String,
}

/// What a role has in a database. What all databases share counts to the current one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InDatabase {
    /// The database.
    pub name: String,
    /// How many things it owns.
    pub owns: i64,
    /// On how many things it is named: privileges, default privileges, row-level security.
    pub granted: i64,
    /// What it owns, in words.
    pub owned: Vec<String>,
}

/// A step of a retirement.
#[derive(Clone, Copy, Debug)]
pub enum RetireEvent<'a> {
    /// It logs in no more.
    LockedOut,
    /// Its sessions are being ended: so many are left.
    Ending {
        /// How many.
        sessions: usize,
    },
    /// What it has in a database is being dealt with.
    In {
        /// The database.
        database: &'a str,
    },
    /// It is gone.
    Dropped,
}

//! The difference between what a policy says and what a server has, as statements: the least that makes them equal.
//!
//! Pure: a [`Policy`] and a [`Live`] in, a [`Difference`] out. What a statement changes besides what it says (an owner takes the
//! old owner's entries along, a privilege on a table those on its columns) is followed on a copy, so that one run is enough.
//!
//! # How far it reaches
//! - *Roles*: those the policy declares; attributes, settings (everywhere and in this database), memberships by member. Those
//!   of `scope.roles` and [`PUBLIC`](super::PUBLIC) as grantees only. Predefined roles and initdb's superuser are never changed.
//! - *Objects*: this database, the declared schemas with all tables, sequences, routines and types in them, languages of
//!   `scope.languages`, and of other classes what a rule names. Not what belongs to an extension (unless named: a language, a
//!   foreign data wrapper), not PostgreSQL's own.
//! - *Entries* of a grantee in reach that no rule gives are revoked, those of others told. What only an owner has, an owner keeps:
//!   its own entries are nobody's business, in default privileges too.
//! - In [`Mode::Additive`](super::Mode::Additive) nothing is taken away, and what would be is told.
//! - *Partitions* have what their root has: a rule and an `except` take a partition when they take it, or the table it is a part of.

mod attributes;
mod chain;
mod columns;
mod database;
mod defaults;
mod draft;
mod executor;
mod joins;
mod memberships;
mod owners;
mod privileges;
mod retirement;
mod roles;
mod settings;
mod takeover;
#[cfg(test)]
mod tests;
mod things;
mod wanted;
mod words;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Change, Live, Policy};
use draft::Draft;

/// What is to be done, what is only told, and what cannot be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What makes the server as the policy says, in the order it is to be said. Taken back in the opposite order. Complete, even
    /// where this login may not: then `impossible` says so.
    pub changes: Vec<Change>,
    /// What is worth knowing and not this policy's to change.
    pub notices: Vec<Notice>,
    /// What this server, or this login, cannot do.
    pub impossible: Vec<Impossible>,
    /// Roles that are there and shall be gone from every database; the changes are what this database alone needs for it.
    pub retire: Vec<String>,
}

impl Difference {
    /// Returns whether the server is as the policy says.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.impossible.is_empty()
    }
}

/// Something outside of what is changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Notice {
    /// What, as a sentence for people.
    pub text: String,
    /// The line of the policy it belongs to.
    pub line: Option<usize>,
}

/// Something the policy says and that cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Impossible {
    /// What cannot be done: `make app_user a member of pg_maintain`.
    pub what: String,
    /// Why not.
    pub why: String,
    /// Who could, or what to do about it, as a sentence.
    pub todo: String,
    /// The line of the policy that wants it.
    pub line: Option<usize>,
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.what, self.why)?;
        self.line.map_or(Ok(()), |line| write!(f, " (line {line})"))
    }
}

/// Returns what makes a server as a policy says. The same two values give the same statements.
pub fn difference(policy: &Policy, live: &Live) -> Difference {
    let mut draft = Draft::new(policy, live);
    roles::compare(&mut draft);
    settings::compare(&mut draft);
    memberships::compare(&mut draft);
    database::compare(&mut draft);
    let mut things = things::things(&mut draft);
    owners::compare(&mut draft, &mut things);
    let mut rules = wanted::Rules::new(&mut draft);
    privileges::compare(&mut draft, &mut things, &mut rules);
    let owners = owners::of_schemas(&draft, &things);
    defaults::compare(&mut draft, &rules, &owners);
    retirement::compare(&mut draft);
    draft.finish()
}

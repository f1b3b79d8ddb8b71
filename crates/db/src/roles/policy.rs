//! A policy: what roles, memberships, settings and privileges shall be. As read from a file and checked, so that nothing in it
//! contradicts itself; what of it a server can do is for the plan to say.

mod check;
mod error;
mod file;
mod grant;
mod names;
mod read;
mod role;
mod selector;
mod takes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Class, Privileges};
use crate::pattern::NamePattern;

pub use error::{PolicyError, PolicyErrors};

/// A policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The database itself.
    pub database: DatabaseRule,
    /// How far the policy reaches.
    pub scope: Scope,
    /// The roles it declares, by name.
    pub roles: BTreeMap<String, RoleRule>,
    /// The schemas it declares, by name.
    pub schemas: BTreeMap<String, SchemaRule>,
    /// What is granted; all that is in scope and not here is revoked.
    pub grants: Vec<GrantRule>,
    /// Columns that only who is named for them may read.
    pub sensitive: Vec<ColumnName>,
    /// What must hold of effective access after all.
    pub assertions: Vec<Assertion>,
    /// Roles that shall be gone.
    pub retired: Vec<Retirement>,
}

/// The database: to be made by `--create-database`, or kept so.
#[derive(Clone, Debug, Default)]
pub struct DatabaseRule {
    /// Its owner; `None`: not this policy's business.
    pub owner: Option<String>,
    /// `ENCODING` for a new one.
    pub encoding: Option<String>,
    /// `LOCALE` for a new one.
    pub locale: Option<String>,
    /// `TEMPLATE` for a new one.
    pub template: Option<String>,
    /// `CONNECTION LIMIT`; `None`: not this policy's business.
    pub connection_limit: Option<i32>,
    /// `ALTER DATABASE … SET`; what is set and not here is reset.
    pub settings: BTreeMap<String, String>,
    /// Where it stands, from 1.
    pub line: usize,
}

/// How far a policy reaches. Outside of it nothing is changed.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// What happens to privileges, memberships and settings in scope that are not declared.
    pub mode: Mode,
    /// Roles beside the declared ones that it speaks for: what they have in the schemas, and nobody declared, is revoked.
    /// PUBLIC always belongs to it.
    pub roles: Vec<NamePattern>,
    /// Languages it speaks for.
    pub languages: Vec<String>,
}

/// What happens to what is in scope and not declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It is taken away.
    #[default]
    Authoritative,
    /// It is told, and left.
    Additive,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRule {
    /// `LOGIN`
    pub login: bool,
    /// `SUPERUSER`
    pub superuser: bool,
    /// `CREATEDB`
    pub create_db: bool,
    /// `CREATEROLE`
    pub create_role: bool,
    /// `REPLICATION`
    pub replication: bool,
    /// `BYPASSRLS`
    pub bypass_rls: bool,
    /// `INHERIT`
    pub inherit: bool,
    /// `CONNECTION LIMIT`; -1 is none.
    pub connection_limit: i32,
    /// `VALID UNTIL`; `None`: for ever.
    pub valid_until: Option<String>,
    /// Where `roles passwd` and `roles apply` find its password; `None`: not this policy's business.
    pub password: Option<PasswordSource>,
    /// What it is a member of: all of it.
    pub member_of: Vec<MemberOf>,
    /// Who may be a member of it; `None`: anybody (groups, whose members are people).
    pub only_members: Option<Vec<String>>,
    /// `ALTER ROLE … SET`: all of them.
    pub settings: BTreeMap<String, String>,
    /// `ALTER ROLE … IN DATABASE (this one) SET`: all of them.
    pub settings_here: BTreeMap<String, String>,
    /// `COMMENT ON ROLE`; `None`: not this policy's business.
    pub comment: Option<String>,
    /// First and last major version it exists on.
    pub versions: Versions,
    /// Where it stands, from 1.
    pub line: usize,
}

/// Where a password comes from. Never from the policy itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// A variable of the environment.
    Environment(String),
    /// The first line of a file.
    File(String),
    /// The first line a command prints: program and arguments, no shell.
    Command(Vec<String>),
}

/// A membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberOf {
    /// In what.
    pub role: String,
    /// Whether its rights are there without SET ROLE.
    pub inherit: bool,
    /// Whether SET ROLE to it is allowed.
    pub set: bool,
    /// Whether it may be given on.
    pub admin: bool,
    /// A role without INHERIT that stands in between on servers before 16, which know `inherit = false` only as an attribute.
    pub through: Option<String>,
    /// On which major versions.
    pub versions: Versions,
    /// Where it stands, from 1.
    pub line: usize,
}

/// Major versions, both ends included; `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// The first.
    pub since: Option<u32>,
    /// The last.
    pub until: Option<u32>,
}

impl Versions {
    /// Returns whether a server of this `server_version_num` is among them.
    pub fn include(self, version: u32) -> bool {
        let major = version / 10_000;
        self.since.is_none_or(|since| since <= major) && self.until.is_none_or(|until| major <= until)
    }
}

/// A schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaRule {
    /// Who owns it; `None`: not this policy's business.
    pub owner: Option<String>,
    /// Whether what is in it belongs to its owner (creators keep what they create).
    pub owns_objects: bool,
    /// Who creates in it: for each of these there are default privileges. The owner is always one.
    pub creators: Vec<String>,
    /// Whether `roles apply` makes it where it is missing.
    pub create: bool,
    /// Where it stands, from 1.
    pub line: usize,
}

/// What some roles are given on some objects.
#[derive(Clone, Debug)]
pub struct GrantRule {
    /// To whom; `PUBLIC` is everybody.
    pub to: Vec<String>,
    /// What.
    pub privileges: Privileges,
    /// Whether they may give it on.
    pub grantable: bool,
    /// On what.
    pub on: Selector,
    /// Whether objects to come have it too, by default privileges.
    pub future: bool,
    /// On which major versions.
    pub versions: Versions,
    /// Where it stands, from 1.
    pub line: usize,
}

/// Chooses objects.
#[derive(Clone, Debug)]
pub struct Selector {
    /// What kind of thing.
    pub class: Class,
    /// In which schemas, or, for [`Class::Schema`], which; empty for what has none (database, language, …), and then `names` choose.
    pub schemas: Vec<String>,
    /// Which of them by name (a routine also as `name(types)`); empty: all.
    pub names: Vec<NamePattern>,
    /// Which of these not.
    pub except: Vec<NamePattern>,
    /// Only these columns; empty: the whole.
    pub columns: Vec<String>,
    /// Not the sensitive columns: where a table has one, the others are granted one by one.
    pub without_sensitive: bool,
}

/// A column of a table, as `schema.table.column`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnName {
    /// The schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
}

/// What must hold of what a role can really do, by whatever path.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// The roles it is about; `PUBLIC` is a role that is nothing else.
    pub roles: Vec<String>,
    /// Whether they can, or cannot.
    pub can: bool,
    /// What.
    pub privileges: Privileges,
    /// On what.
    pub on: Target,
    /// `cannot`: whether SET ROLE counts as a path (it does unless said otherwise). `can`: whether it is enough.
    pub by_set_role: bool,
    /// Where it stands, from 1.
    pub line: usize,
}

/// What an assertion is about.
#[derive(Clone, Debug)]
pub enum Target {
    /// These objects.
    Objects(Selector),
    /// Every sensitive column.
    Sensitive,
}

/// A role that shall be gone, from every database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// The role.
    pub role: String,
    /// Who gets what it owns.
    pub reassign_to: String,
    /// Whether its sessions are ended.
    pub terminate_sessions: bool,
    /// Where it stands, from 1.
    pub line: usize,
}

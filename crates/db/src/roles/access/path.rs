//! How a role can do something: values for a report.

use serde::{Deserialize, Serialize};

use super::super::{Kind, Privilege};
use super::Ability;

/// The answer to "may this role do that?", with every way it can.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Who.
    pub role: String,
    /// What.
    pub privilege: Privilege,
    /// On what: its kind and name.
    pub kind: Kind,
    /// Its name for people.
    pub object: String,
    /// The column asked for; `None`: the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The answer in one word.
    pub answer: Answer,
    /// Whether it may, directly: not counting `through`, nor whether it can connect.
    pub reach: Ability,
    /// Of a table asked for as a whole, and not allowed so: the columns it may.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// And those it may not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
    /// Whether it can log in, and if so whether it may connect to this database.
    pub login: bool,
    /// Whether it may connect to this database.
    pub connects: bool,
    /// Members of it that log in and may connect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logins: Vec<String>,
    /// The ways that give the privilege itself, those that work first.
    pub paths: Vec<Path>,
    /// Ways around: through views, copies, parents, functions that act as somebody else.
    pub through: Vec<Path>,
    /// How it could give the privilege to itself.
    pub takes: Vec<Take>,
    /// Ways that were not counted: there are too many.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// An answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// As it is.
    Yes,
    /// Only after SET ROLE.
    BySetRole,
    /// With some columns.
    Partly,
    /// Not itself; but something that acts as another does it, or shows some of it.
    Around,
    /// It has the privilege, logs in, and may not connect to the database.
    CannotConnect,
    /// By no way.
    No,
}

/// One way.
#[derive(Clone, Debug, Serialize)]
pub struct Path {
    /// Whether it needs SET ROLE.
    pub reach: Ability,
    /// From the role, over memberships, to who has the privilege; empty: itself, or everybody.
    pub hops: Vec<Hop>,
    /// As whom it is done: the role itself, or to whom SET ROLE goes.
    pub acts_as: String,
    /// What gives it.
    pub via: Via,
    /// The only columns it gives; empty: the whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Why it does not work all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hindrance: Option<String>,
    /// What row-level security leaves.
    pub rows: Rows,
    /// Statements that close it, any of which is enough, unless it says otherwise.
    pub close: Vec<Close>,
}

/// A membership on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// The role that was granted.
    pub role: String,
    /// Whether its rights are there without SET ROLE.
    pub inherit: bool,
    /// Whether SET ROLE to it is allowed.
    pub set: bool,
}

/// What gives a privilege.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Via {
    /// An entry of the access list.
    Grant {
        /// Whose.
        grantee: String,
        /// Who gave it.
        grantor: String,
        /// Whether it may be given on.
        grantable: bool,
        /// Whether it is the owner's own entry.
        owner: bool,
    },
    /// An entry for everybody.
    Public {
        /// Who gave it.
        grantor: String,
    },
    /// Superusers may everything.
    Superuser {
        /// Which.
        role: String,
    },
    /// A predefined role has it without any entry.
    Predefined {
        /// Which.
        role: String,
    },
    /// A view the role may use.
    View {
        /// The views, from the one the role names to the one that reads the table.
        views: Vec<String>,
        /// In whose name the table is used; `None`: of who asks (`security_invoker`).
        acts_as: Option<String>,
        /// The columns of the table it reads; empty: none by name, so all of the row or nothing.
        reads: Vec<String>,
    },
    /// A materialised view the role may read: it holds a copy.
    Copy {
        /// The views, from the one the role names to the one that reads the table.
        views: Vec<String>,
        /// The columns of the table it reads; empty: none by name, so all of the row or nothing.
        reads: Vec<String>,
    },
    /// A table of which this is a partition, or from which it inherits: what is allowed on it is allowed on its parts.
    Parent {
        /// Which.
        table: String,
    },
    /// Functions that act as their owner. Whether they really do it stands in their bodies, which are not read.
    Function {
        /// As whom.
        owner: String,
        /// Which the role may execute.
        functions: Vec<String>,
    },
}

/// Which rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rows", rename_all = "kebab-case")]
pub enum Rows {
    /// Row-level security has no say.
    All,
    /// A policy lets all rows pass.
    AllByPolicy {
        /// The policies that allow.
        allowing: Vec<String>,
    },
    /// What policies let pass.
    Policies {
        /// The policies that allow: one is enough.
        allowing: Vec<String>,
        /// The policies that restrict: all must agree.
        restricting: Vec<String>,
    },
    /// No policy allows any.
    None,
}

/// A statement that closes a way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Close {
    /// Who must say it; `None`: the owner or a superuser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_role: Option<String>,
    /// The statement, without a semicolon.
    pub sql: String,
    /// What else it takes away, for people; `None`: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also: Option<String>,
}

/// How a role could give itself what it has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Take {
    /// How, as a sentence for people.
    pub how: String,
    /// What ends it.
    pub close: Close,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

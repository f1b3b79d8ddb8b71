//! What is dangerous about roles and privileges whatever a policy says: traps that a grant alone does not show. What
//! `roles plan` would mend anyway is not told again.

mod creators;
mod index;
mod public;
mod role;
mod routines;
mod rows;
#[cfg(test)]
mod tests;
mod views;

use serde::Serialize;

use super::{Live, Policy, Statement};
use index::Index;

/// Something dangerous.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is looked for.
    pub rule: Rule,
    /// On what it was found: `function app.f(integer)`.
    pub object: String,
    /// Why it matters, as a sentence for people.
    pub why: String,
    /// What mends it, in this order; empty where no statement can.
    pub repair: Vec<Statement>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Somebody can take rights that were not given, or everybody has them.
    Danger,
    /// Rights reach further than a reader of the grants would think.
    Warning,
    /// Worth knowing.
    Notice,
}

/// What is looked for. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Who creates in a schema where others' objects begin with grants, and its own do not.
    CreatorWithoutDefaults,
    /// Objects of somebody who may act as the schema's owner, and did not.
    ForgottenSetRole,
    /// A SECURITY DEFINER routine that resolves names by its caller's `search_path`, or by one others can put objects into.
    DefinerSearchPath,
    /// Routines that everybody may execute.
    PublicExecute,
    /// A schema in which everybody may create.
    PublicCreate,
    /// A view that shows everybody what they cannot read themselves.
    PublicView,
    /// A view of a superuser over what belongs to others.
    SuperuserView,
    /// A view whose owner row-level security does not bind, and its readers' it would.
    ViewPastRowSecurity,
    /// A view that leaves rows out without being a security barrier.
    ViewWithoutBarrier,
    /// Row-level security that is on and has no policy: nobody sees a row.
    RowSecurityWithoutPolicy,
    /// Policies that are not in force.
    PolicyWithoutRowSecurity,
    /// A partition that can be read past the policies of its table.
    OpenPartition,
    /// A superuser beside the one of initdb, and not declared.
    Superuser,
    /// BYPASSRLS, REPLICATION or CREATEROLE, not declared.
    PowerfulAttribute,
    /// A membership that reaches the server's files, its programs, or every table.
    PowerfulMembership,
    /// A password kept as md5.
    Md5Password,
    /// Logins that may take all connections.
    NoConnectionLimit,
    /// Databases that every login of the server may connect to.
    PublicConnect,
    /// Large objects that everybody may read or write.
    PublicLargeObject,
}

impl Rule {
    /// Returns its name: `definer-search-path`.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreatorWithoutDefaults => "creator-without-defaults",
            Self::ForgottenSetRole => "forgotten-set-role",
            Self::DefinerSearchPath => "definer-search-path",
            Self::PublicExecute => "public-execute",
            Self::PublicCreate => "public-create",
            Self::PublicView => "public-view",
            Self::SuperuserView => "superuser-view",
            Self::ViewPastRowSecurity => "view-past-row-security",
            Self::ViewWithoutBarrier => "view-without-barrier",
            Self::RowSecurityWithoutPolicy => "row-security-without-policy",
            Self::PolicyWithoutRowSecurity => "policy-without-row-security",
            Self::OpenPartition => "open-partition",
            Self::Superuser => "superuser",
            Self::PowerfulAttribute => "powerful-attribute",
            Self::PowerfulMembership => "powerful-membership",
            Self::Md5Password => "md5-password",
            Self::NoConnectionLimit => "no-connection-limit",
            Self::PublicConnect => "public-connect",
            Self::PublicLargeObject => "public-large-object",
        }
    }
}

/// Returns what is dangerous, the worst first. With a policy, what it declares is meant, and what its plan mends is left to the
/// plan; without one, every schema that is not the server's own is looked at.
pub fn lint(policy: Option<&Policy>, live: &Live) -> Vec<Finding> {
    let index = Index::new(policy, live);
    let mut findings = Vec::new();
    creators::look(&index, &mut findings);
    routines::look(&index, &mut findings);
    views::look(&index, &mut findings);
    rows::look(&index, &mut findings);
    role::look(&index, &mut findings);
    public::look(&index, &mut findings);
    findings.sort_by(|a, b| {
        (a.severity, a.rule, &a.object, &a.why).cmp(&(b.severity, b.rule, &b.object, &b.why))
    });
    findings
}

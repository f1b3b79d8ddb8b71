//! Memberships in SQL, by server version.

use super::draft::Draft;
use super::words::shown;
use crate::quote_ident;
use crate::roles::{BOOTSTRAP, Membership, Oid, Phase};

/// A membership that shall be.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    pub(super) role: Oid,
    pub(super) member: Oid,
    pub(super) options: Options,
    /// The line of the policy; 0: none.
    pub(super) line: usize,
}

impl Edge {
    /// Returns it as a superuser's grant.
    pub(super) fn as_row(&self) -> Membership {
        let Options { admin, inherit, set } = self.options;
        Membership { role: self.role, member: self.member, grantor: BOOTSTRAP, admin, inherit, set }
    }
}

/// What a member may.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) admin: bool,
    pub(super) inherit: bool,
    pub(super) set: bool,
}

impl Options {
    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            admin: self.admin && !other.admin,
            inherit: self.inherit && !other.inherit,
            set: self.set && !other.set,
        }
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self {
            admin: self.admin || other.admin,
            inherit: self.inherit || other.inherit,
            set: self.set || other.set,
        }
    }

    pub(super) fn intersection(self, other: Self) -> Self {
        self.minus(self.minus(other))
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    fn each(self) -> impl Iterator<Item = &'static str> {
        let all = [(self.admin, "admin"), (self.inherit, "inherit"), (self.set, "set")];
        all.into_iter().filter_map(|(is, word)| is.then_some(word))
    }

    /// For people: `with admin and set`.
    pub(super) fn words(self) -> String {
        format!("with {}", self.each().collect::<Vec<_>>().join(" and "))
    }
}

/// Returns what a membership gives, where the server knows it for each; before 16 only ADMIN is its own.
pub(super) fn live_options(draft: &Draft<'_>, row: &Membership) -> Options {
    match draft.version {
        160_000.. => Options { admin: row.admin, inherit: row.inherit, set: row.set },
        _ => Options { admin: row.admin, inherit: true, set: true },
    }
}

/// Writes the statement for a membership that is missing, or lacks these options.
pub(super) fn give(draft: &mut Draft<'_>, edge: &Edge, own: Option<&Membership>, why: &str) {
    let (role, member) = (sql(draft, edge.role), sql(draft, edge.member));
    let line = (edge.line > 0).then_some(edge.line);
    let new = draft.version >= 160_000;
    let (with, undo) = match own {
        // of a grant that is there only what is named changes
        Some(_) => {
            let with: Vec<String> = match new {
                true => edge.options.each().map(|option| format!("{option} true")).collect(),
                false => vec!["admin option".into()],
            };
            let revoked = edge.options.each().filter(|option| new || *option == "admin");
            let undo =
                revoked.map(|option| format!("revoke {option} option for {role} from {member}")).collect();
            (format!(" with {}", with.join(", ")), undo)
        }
        None => {
            let undo = vec![format!("revoke {role} from {member}")];
            (options_sql(new, edge.options), undo)
        }
    };
    manages(draft, edge.role, edge.member, line);
    draft.change(Phase::Join, None, format!("grant {role} to {member}{with}"), why.to_owned(), line, undo);
    draft.memberships.push(edge.as_row());
}

/// Writes the statement that takes a membership away, or brings it forward where it is in the way.
pub(super) fn take(draft: &mut Draft<'_>, row: &Membership, why: &str, first: bool) {
    let (role, member, by) = (sql(draft, row.role), sql(draft, row.member), by(draft, row));
    let new = draft.version >= 160_000;
    let options = options_sql(new, live_options(draft, row));
    let undo = vec![format!("grant {role} to {member}{options}{by}")];
    manages_as(draft, row);
    let phase = if first { Phase::Join } else { Phase::Leave };
    draft.change(phase, None, format!("revoke {role} from {member}{by}"), why.to_owned(), None, undo);
    if first {
        draft.memberships.retain(|other| other != row);
    }
}

/// Writes the statements that take options of a membership away.
pub(super) fn take_options(
    draft: &mut Draft<'_>,
    row: &Membership,
    options: Options,
    why: &str,
    first: bool,
) {
    let (role, member, by) = (sql(draft, row.role), sql(draft, row.member), by(draft, row));
    let phase = if first { Phase::Join } else { Phase::Leave };
    manages_as(draft, row);
    for option in options.each() {
        let undo = match draft.version {
            160_000.. => format!("grant {role} to {member} with {option} true{by}"),
            _ => format!("grant {role} to {member} with admin option"),
        };
        let sql = format!("revoke {option} option for {role} from {member}{by}");
        draft.change(phase, None, sql, why.to_owned(), None, vec![undo]);
    }
}

fn options_sql(new: bool, options: Options) -> String {
    match (new, options.admin) {
        (true, _) => {
            let Options { admin, inherit, set } = options;
            format!(" with admin {admin}, inherit {inherit}, set {set}")
        }
        (false, true) => " with admin option".into(),
        (false, false) => String::new(),
    }
}

/// From 16 on a membership belongs to its grantor; a superuser speaks for initdb's unless told otherwise.
fn by(draft: &Draft<'_>, row: &Membership) -> String {
    if draft.version < 160_000 || (row.grantor == BOOTSTRAP && draft.all_powerful()) {
        return String::new();
    }
    draft.name(row.grantor).map_or_else(String::new, |name| format!(" granted by {}", quote_ident(name)))
}

fn sql(draft: &Draft<'_>, role: Oid) -> String {
    draft.name(role).map_or_else(|| role.to_string(), quote_ident)
}

fn manages(draft: &mut Draft<'_>, role: Oid, member: Oid, line: Option<usize>) {
    if draft.may_manage(role) {
        return;
    }
    let who = match draft.version {
        160_000.. => "a superuser, or who has it WITH ADMIN OPTION,",
        _ => "a superuser, or who has CREATEROLE or it WITH ADMIN OPTION,",
    };
    let (role, member) = (draft.shown(role), draft.shown(member));
    draft.impossible(
        format!("make {member} a member of {role}"),
        format!("only {who} may"),
        format!(
            "Let such a login apply it, or: grant {role} to {} with admin option.",
            draft.shown(draft.login())
        ),
        line,
    );
}

fn manages_as(draft: &mut Draft<'_>, row: &Membership) {
    let speaks =
        draft.version < 160_000 || draft.all_powerful() || draft.has_rights_of(draft.login(), row.grantor);
    if draft.may_manage(row.role) && speaks {
        return;
    }
    let (role, member, grantor) = (draft.shown(row.role), draft.shown(row.member), draft.shown(row.grantor));
    draft.impossible(
        format!("take {} from {}", shown(&role), shown(&member)),
        format!("{grantor} granted it, and {} has not its rights", draft.shown(draft.login())),
        "Let a superuser apply it.",
        None,
    );
}

//! Who says a statement: the login, or a role it can become.

use std::collections::{HashMap, HashSet};

use super::draft::Draft;
use super::words::shown;
use crate::quote_ident;
use crate::roles::{BOOTSTRAP, Membership, Oid, Phase};

/// The role whose members are, without a membership, the owner of the database.
const DATABASE_OWNER: Oid = 6171;

/// Memberships by member, for walks.
#[derive(Default)]
pub(super) struct Ways {
    of: HashMap<Oid, Vec<Membership>>,
    /// Roles the login was told it cannot speak for.
    refused: HashSet<Oid>,
}

impl Draft<'_> {
    /// Takes over what [`Draft::memberships`] now says.
    pub(super) fn walk_anew(&mut self) {
        let mut of: HashMap<Oid, Vec<Membership>> = HashMap::new();
        for membership in &self.memberships {
            of.entry(membership.member).or_default().push(*membership);
        }
        self.ways.of = of;
    }

    fn reaches(&self, from: Oid, to: Oid, way: impl Fn(&Membership) -> bool) -> bool {
        let (mut seen, mut open) = (HashSet::from([from]), vec![from]);
        while let Some(role) = open.pop() {
            if role == to {
                return true;
            }
            let steps = self.ways.of.get(&role).into_iter().flatten().filter(|m| way(m)).map(|m| m.role);
            let owns = (self.database_owner == role).then_some(DATABASE_OWNER);
            for next in steps.chain(owns) {
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    }

    fn is_superuser(&self, role: Oid) -> bool {
        self.roles.get(&role).is_some_and(|role| role.superuser)
    }

    /// Returns whether a role has another's rights without SET ROLE (`has_privs_of_role`).
    pub(super) fn has_rights_of(&self, who: Oid, of: Oid) -> bool {
        let inherits = |m: &Membership| match self.version {
            160_000.. => m.inherit,
            _ => self.roles.get(&m.member).is_some_and(|member| member.inherit),
        };
        self.is_superuser(who) || self.reaches(who, of, inherits)
    }

    /// Returns whether a role is a member of another in any way, which makes the opposite a circle.
    pub(super) fn is_member(&self, who: Oid, of: Oid) -> bool {
        self.reaches(who, of, |_| true)
    }

    /// Returns the login.
    pub(super) fn login(&self) -> Oid {
        self.live.server.login
    }

    /// Returns whether the login is a superuser, who may speak as anybody.
    pub(super) fn all_powerful(&self) -> bool {
        self.live.login().is_some_and(|login| login.superuser)
    }

    /// Returns whether the login may SET ROLE to this one.
    fn may_become(&self, role: Oid) -> bool {
        self.all_powerful() || self.reaches(self.login(), role, |m| m.set)
    }

    /// Returns whether the login may change this role and grant memberships in it.
    pub(super) fn may_manage(&self, role: Oid) -> bool {
        if self.all_powerful() {
            return true;
        }
        let (login, made) = (self.login(), !self.live.roles.contains_key(&role));
        let creates = self.live.login().is_some_and(|login| login.create_role);
        let admin =
            self.live.memberships.iter().any(|m| {
                m.role == role && m.admin && (m.member == login || self.has_rights_of(login, m.member))
            });
        match self.version {
            160_000.. => admin || (made && creates),
            _ => admin || (creates && !self.is_superuser(role)),
        }
    }

    /// Returns who says what only this role may say: `None` is the login itself. What the login cannot become yet, and may grant
    /// itself, it is made a member of. What it cannot do at all is noted once, and planned as for a superuser.
    pub(super) fn speaker(&mut self, role: Oid) -> Option<String> {
        if self.all_powerful() || role == self.login() {
            return None;
        }
        let actor = match role {
            DATABASE_OWNER => self.live.database().map_or(role, |database| database.owner),
            role => role,
        };
        if actor == self.login() {
            return None;
        }
        if self.may_become(actor) {
            return self.name(actor).map(str::to_owned);
        }
        if self.has_rights_of(self.login(), actor) {
            return None;
        }
        if self.may_manage(actor) && !self.is_superuser(actor) {
            self.join(actor);
            return self.name(actor).map(str::to_owned);
        }
        if self.ways.refused.insert(actor) {
            let (of, login) = (self.shown(actor), self.shown(self.login()));
            self.impossible(
                format!("change what is {of}'s"),
                format!("{login} is no superuser and cannot become {of}"),
                format!("Let a superuser apply it, or grant {of} to {login}."),
                None,
            );
        }
        None
    }

    /// Returns whether the login can speak as this role, now or after [`Draft::speaker`].
    pub(super) fn may_speak_as(&self, role: Oid) -> bool {
        role == self.login() || self.may_become(role) || (self.may_manage(role) && !self.is_superuser(role))
    }

    fn join(&mut self, role: Oid) {
        let (Some(name), Some(login)) = (self.name(role), self.name(self.login())) else { return };
        let options = if self.version >= 160_000 { " with inherit false, set true" } else { "" };
        let (of, to) = (quote_ident(name), quote_ident(login));
        let reason = format!("{} applies this policy and works as {}", shown(login), shown(name));
        let sql = format!("grant {of} to {to}{options}");
        self.change(Phase::Join, None, sql, reason, None, vec![format!("revoke {of} from {to}")]);
        let inherit = self.version < 160_000;
        let (member, grantor) = (self.login(), BOOTSTRAP);
        self.memberships.push(Membership { role, member, grantor, admin: false, inherit, set: true });
        self.walk_anew();
    }
}

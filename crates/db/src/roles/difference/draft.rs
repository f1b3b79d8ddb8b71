//! What all parts of a comparison share: the roles as they will be, who is in reach, and what was found so far.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::executor::Ways;
use super::words::shown;
use super::{Difference, Impossible, Notice};
use crate::roles::{
    BOOTSTRAP, Change, Live, Membership, Mode, Oid, PUBLIC, Phase, Policy, Role, RoleRule, Statement,
};

/// A comparison at work.
pub(super) struct Draft<'a> {
    pub(super) policy: &'a Policy,
    pub(super) live: &'a Live,
    /// `server_version_num`
    pub(super) version: u32,
    /// Roles as they will be; those to be made have numbers from the top, which no server gives.
    pub(super) roles: BTreeMap<Oid, Role>,
    ids: HashMap<String, Oid>,
    /// Roles whose undeclared privileges are revoked.
    scope: HashSet<Oid>,
    /// Declared roles of this server's version, in the policy's order.
    pub(super) declared: Vec<(Oid, &'a RoleRule)>,
    /// Roles that shall be gone, and who gets what is theirs.
    pub(super) retired: BTreeMap<Oid, Oid>,
    /// Memberships while privileges change: none has been taken yet.
    pub(super) memberships: Vec<Membership>,
    pub(super) ways: Ways,
    /// Who will own the database when privileges change.
    pub(super) database_owner: Oid,
    changes: Vec<Change>,
    notices: BTreeSet<Notice>,
    impossible: BTreeSet<Impossible>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(policy: &'a Policy, live: &'a Live) -> Self {
        let ids: HashMap<String, Oid> =
            live.roles.values().map(|role| (role.name.clone(), role.oid)).collect();
        let version = live.server.version;
        let scoped = |role: &&Role| {
            !role.is_predefined() && policy.scope.roles.iter().any(|pattern| pattern.matches(&role.name))
        };
        let mut scope: HashSet<Oid> = live.roles.values().filter(scoped).map(|role| role.oid).collect();
        let named = policy.roles.keys().chain(policy.retired.iter().map(|retired| &retired.role));
        scope.extend(named.filter_map(|name| ids.get(name)));
        Self {
            policy,
            live,
            version,
            roles: live.roles.clone(),
            ids,
            scope,
            declared: Vec::new(),
            retired: BTreeMap::new(),
            memberships: live.memberships.clone(),
            ways: Ways::default(),
            database_owner: live.database().map_or(BOOTSTRAP, |database| database.owner),
            changes: Vec::new(),
            notices: BTreeSet::new(),
            impossible: BTreeSet::new(),
        }
    }

    /// Returns the number of a role, [`PUBLIC`] for everybody.
    pub(super) fn id(&self, name: &str) -> Option<Oid> {
        if name == "PUBLIC" { Some(PUBLIC) } else { self.role_id(name) }
    }

    /// Returns the number of a role, which may be called PUBLIC.
    pub(super) fn role_id(&self, name: &str) -> Option<Oid> {
        self.ids.get(name).copied()
    }

    /// Returns the name of a role as it is; `None`: [`PUBLIC`], or one that was dropped.
    pub(super) fn name(&self, oid: Oid) -> Option<&str> {
        self.roles.get(&oid).map(|role| role.name.as_str())
    }

    /// Returns the name of a role for people.
    pub(super) fn shown(&self, oid: Oid) -> String {
        match self.name(oid) {
            Some(name) => shown(name),
            None if oid == PUBLIC => "PUBLIC".into(),
            None => format!("{oid} (a dropped role)"),
        }
    }

    /// Returns whether what this grantee has, and no rule gives, is revoked.
    pub(super) fn in_scope(&self, grantee: Oid) -> bool {
        grantee == PUBLIC || self.scope.contains(&grantee)
    }

    /// Takes a role into reach that a rule names.
    pub(super) fn speak_for(&mut self, role: Oid) {
        if role != PUBLIC {
            self.scope.insert(role);
        }
    }

    /// Returns whether there is no such role any more.
    pub(super) fn is_dropped(&self, oid: Oid) -> bool {
        oid != PUBLIC && !self.roles.contains_key(&oid)
    }

    /// Returns whether undeclared things are taken away.
    pub(super) fn takes(&self) -> bool {
        self.policy.scope.mode == Mode::Authoritative
    }

    /// Adds a role that will be made, and returns its number.
    pub(super) fn make_role(&mut self, mut role: Role) -> Oid {
        let made = self.roles.len() - self.live.roles.len();
        role.oid = Oid::MAX - Oid::try_from(made).unwrap_or(0);
        self.ids.insert(role.name.clone(), role.oid);
        self.scope.insert(role.oid);
        let oid = role.oid;
        self.roles.insert(oid, role);
        oid
    }

    /// Notes a statement. Within a phase they stay in the order in which they come here.
    pub(super) fn change(
        &mut self,
        phase: Phase,
        as_role: Option<String>,
        sql: String,
        reason: String,
        line: Option<usize>,
        undo: Vec<String>,
    ) {
        let undo = undo.into_iter().map(|sql| Statement { as_role: as_role.clone(), sql }).collect();
        self.changes.push(Change { phase, as_role, sql, reason, line, undo });
    }

    /// Notes what is only told.
    pub(super) fn notice(&mut self, text: impl Into<String>, line: Option<usize>) {
        self.notices.insert(Notice { text: text.into(), line });
    }

    /// Notes what cannot be done.
    pub(super) fn impossible(
        &mut self,
        what: impl Into<String>,
        why: impl Into<String>,
        todo: impl Into<String>,
        line: Option<usize>,
    ) {
        let (what, why, todo) = (what.into(), why.into(), todo.into());
        self.impossible.insert(Impossible { what, why, todo, line });
    }

    pub(super) fn finish(mut self) -> Difference {
        self.changes.sort_by_key(|change| change.phase);
        let name = |oid: &Oid| self.roles.get(oid).map(|role| role.name.clone());
        Difference {
            changes: self.changes,
            notices: self.notices.into_iter().collect(),
            impossible: self.impossible.into_iter().collect(),
            retire: self.retired.keys().filter_map(name).collect(),
        }
    }
}

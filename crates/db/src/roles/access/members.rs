//! Who reaches whom by memberships.

use std::collections::{BTreeMap, HashMap};

use super::{BOOTSTRAP, Class, Live, Oid, PUBLIC, Privilege, Privileges};

/// One membership, whoever granted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) inherit: bool,
    pub(super) set: bool,
    pub(super) admin: bool,
    /// Nobody granted it: the owner of the database is a member of `pg_database_owner`.
    pub(super) implicit: bool,
}

/// The memberships of a server, followed to their ends.
pub(super) struct Members {
    /// The place of each role in the sets.
    places: HashMap<Oid, usize>,
    /// By member, by role.
    edges: HashMap<Oid, BTreeMap<Oid, Edge>>,
    /// Whose rights each has.
    inherited: HashMap<Oid, Vec<u64>>,
    /// As whom each can act: itself first, then those it may SET ROLE to. A superuser needs to be nobody else.
    identities: HashMap<Oid, Vec<Oid>>,
    /// Roles of the server that have rights without an entry: which, on what, what.
    predefined: Vec<(Oid, Class, Privileges)>,
}

/// Predefined roles that have rights no access list shows (`pg_class_aclmask`, `pg_namespace_aclmask`).
const PREDEFINED: &[(&str, Class, &[Privilege])] = &[
    ("pg_read_all_data", Class::Table, &[Privilege::Select]),
    ("pg_read_all_data", Class::Sequence, &[Privilege::Select]),
    ("pg_read_all_data", Class::Schema, &[Privilege::Usage]),
    ("pg_write_all_data", Class::Table, &[Privilege::Insert, Privilege::Update, Privilege::Delete]),
    ("pg_write_all_data", Class::Sequence, &[Privilege::Update]),
    ("pg_write_all_data", Class::Schema, &[Privilege::Usage]),
    ("pg_maintain", Class::Table, &[Privilege::Maintain]),
];

impl Members {
    pub(super) fn new(live: &Live) -> Self {
        let mut edges: HashMap<Oid, BTreeMap<Oid, Edge>> = HashMap::new();
        for membership in &live.memberships {
            let edge = edges.entry(membership.member).or_default().entry(membership.role).or_default();
            edge.inherit |= membership.inherit;
            edge.set |= membership.set;
            edge.admin |= membership.admin;
        }
        if let (Some(database), Some(group)) = (live.database(), live.role("pg_database_owner")) {
            // before 16 a role without INHERIT has not even this (`roles_is_member_of`)
            let inherit = live.server.version >= 160_000
                || live.roles.get(&database.owner).is_some_and(|owner| owner.inherit);
            let edge = Edge { inherit, set: true, admin: false, implicit: true };
            edges.entry(database.owner).or_default().insert(group.oid, edge);
        }
        let places: HashMap<Oid, usize> =
            live.roles.keys().enumerate().map(|(place, oid)| (*oid, place)).collect();
        let predefined = PREDEFINED
            .iter()
            .filter_map(|(name, class, all)| {
                Some((live.role(name)?.oid, *class, all.iter().copied().collect()))
            })
            .collect();
        let mut members =
            Self { places, edges, inherited: HashMap::new(), identities: HashMap::new(), predefined };
        for (oid, role) in &live.roles {
            let mut inherited = vec![0; members.places.len().div_ceil(64)];
            for other in members.closure(*oid, |edge| edge.inherit) {
                if let Some(place) = members.places.get(&other) {
                    inherited[place / 64] |= 1 << (place % 64);
                }
            }
            members.inherited.insert(*oid, inherited);
            let identities = match role.superuser {
                true => vec![*oid],
                false => members.closure(*oid, |edge| edge.set),
            };
            members.identities.insert(*oid, identities);
        }
        members
    }

    /// The role and all it reaches over such edges, nearest first.
    fn closure(&self, role: Oid, follows: impl Fn(&Edge) -> bool) -> Vec<Oid> {
        let mut reached = vec![role];
        let mut next = 0;
        while let Some(member) = reached.get(next).copied() {
            for (group, edge) in self.edges.get(&member).into_iter().flatten() {
                if follows(edge) && !reached.contains(group) {
                    reached.push(*group);
                }
            }
            next += 1;
        }
        reached
    }

    pub(super) fn inherits(&self, role: Oid, other: Oid) -> bool {
        let (Some(inherited), Some(place)) = (self.inherited.get(&role), self.places.get(&other)) else {
            return role == other && role != PUBLIC;
        };
        inherited[place / 64] & (1 << (place % 64)) != 0
    }

    /// As whom a role can act, itself first.
    pub(super) fn identities(&self, role: Oid) -> &[Oid] {
        // whoever is no role of this server is nothing but PUBLIC
        const NOBODY: &[Oid] = &[PUBLIC];
        self.identities.get(&role).map_or(NOBODY, Vec::as_slice)
    }

    /// What a role is a member of, directly.
    pub(super) fn groups(&self, member: Oid) -> impl Iterator<Item = (Oid, Edge)> {
        self.edges.get(&member).into_iter().flatten().map(|(group, edge)| (*group, *edge))
    }

    /// What predefined roles give an identity on things of a class.
    pub(super) fn predefined(&self, identity: Oid, class: Class) -> Privileges {
        let gives =
            |(role, of, _): &&(Oid, Class, Privileges)| *of == class && self.inherits(identity, *role);
        self.predefined.iter().filter(gives).fold(Privileges::NONE, |all, (.., more)| all.union(*more))
    }

    /// The predefined roles that give a privilege on things of a class.
    pub(super) fn predefined_for(&self, privilege: Privilege, class: Class) -> impl Iterator<Item = Oid> {
        self.predefined
            .iter()
            .filter(move |(_, of, all)| *of == class && all.contains(privilege))
            .map(|(role, ..)| *role)
    }

    /// Whether it is the role initdb made, whom nothing can be taken from.
    pub(super) fn is_bootstrap(role: Oid) -> bool {
        role == BOOTSTRAP
    }
}

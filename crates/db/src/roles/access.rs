//! Who may really do what: privileges with everything that gives or hinders them, as PostgreSQL would decide.
//!
//! A role acts as one *identity* at a time: as itself, or after SET ROLE as another. What an identity has is what its own entries,
//! those of the roles whose rights it inherits, PUBLIC's and the predefined roles' give; an owner has only what the access
//! list says. Sources: `aclchk.c`, `acl.c`, `execMain.c`, `rowsecurity.c` of PostgreSQL.

mod chains;
mod close;
mod hinder;
mod members;
mod path;
mod paths;
mod rows;
mod takes;
mod through;
mod who;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    Acl, BOOTSTRAP, Class, Column, Kind, Live, Object, Oid, PUBLIC, Privilege, Privileges, Role, RowPolicy,
};
use members::Members;

pub use path::{Answer, Close, Explanation, Hop, Path, Rows, Take, Via};
pub use who::{Who, WhoCan};

/// Whether a role may do something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// It may not.
    #[default]
    No,
    /// Only after `SET ROLE` to another role.
    BySetRole,
    /// As it is.
    Automatic,
}

/// What a role may do with an object as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// Without further ado.
    pub automatic: Privileges,
    /// Only after `SET ROLE`.
    pub by_set_role: Privileges,
    /// Not with the whole, but with some of its columns, by either way.
    pub on_columns: Privileges,
}

/// A server's privileges, ready to be asked.
pub struct Access<'a> {
    live: &'a Live,
    members: Members,
    schemas: HashMap<&'a str, &'a Object>,
    relations: HashMap<Oid, &'a Object>,
    routines: HashMap<Oid, &'a Object>,
    /// Views by what they read.
    readers: HashMap<Oid, Vec<&'a Object>>,
}

impl<'a> Access<'a> {
    /// Prepares the questions: computes once who reaches whom.
    pub fn new(live: &'a Live) -> Self {
        let mut access = Self {
            live,
            members: Members::new(live),
            schemas: HashMap::new(),
            relations: HashMap::new(),
            routines: HashMap::new(),
            readers: HashMap::new(),
        };
        for object in &live.objects {
            match object.kind.class() {
                Class::Schema => drop(access.schemas.insert(&object.name, object)),
                Class::Routine => drop(access.routines.insert(object.oid, object)),
                Class::Table | Class::Sequence => drop(access.relations.insert(object.oid, object)),
                _ => {}
            }
            let mut read: Vec<Oid> =
                object.relation.iter().flat_map(|relation| &relation.reads).map(|(oid, _)| *oid).collect();
            read.dedup(); // in order of their numbers
            for oid in read {
                access.readers.entry(oid).or_default().push(object);
            }
        }
        access
    }

    /// Returns what is judged.
    pub fn live(&self) -> &'a Live {
        self.live
    }

    /// Returns whether a role ([`PUBLIC`]: one that is nothing else) may do this, with everything that is needed for it: the
    /// privilege, USAGE of the schema, what a view needs of its owner. With a table without a column: on all of it.
    ///
    /// Whether the role may connect, and which rows it then sees, are questions of their own ([`Access::connects`],
    /// [`Access::rows`]).
    pub fn may(&self, role: Oid, privilege: Privilege, object: &Object, column: Option<&Column>) -> Ability {
        self.reach(role, |identity| {
            self.holds(identity, privilege, object, column)
                && self.hindrance(identity, privilege, object).is_none()
        })
    }

    /// Returns whether a role has a privilege, whether or not it helps: `has_table_privilege` and its kin, and SET ROLE.
    /// With a table without a column: on the table itself, or on each column.
    pub fn has(&self, role: Oid, privilege: Privilege, object: &Object, column: Option<&Column>) -> Ability {
        self.reach(role, |identity| self.holds(identity, privilege, object, column))
    }

    /// Returns all a role may do with an object, as [`Access::may`] would say it.
    pub fn granted(&self, role: Oid, object: &Object) -> Granted {
        let mut granted = Granted::default();
        for (place, identity) in self.members.identities(role).iter().enumerate() {
            let (whole, mut parts) = self.held_whole(*identity, object);
            let works = |privilege: &Privilege| self.hindrance(*identity, *privilege, object).is_none();
            let whole: Privileges = whole.iter().filter(works).collect();
            parts = parts.iter().filter(works).collect();
            match place {
                0 => granted.automatic = whole,
                _ => granted.by_set_role = granted.by_set_role.union(whole),
            }
            granted.on_columns = granted.on_columns.union(parts);
        }
        granted.by_set_role = granted.by_set_role.minus(granted.automatic);
        granted.on_columns = granted.on_columns.minus(granted.automatic.union(granted.by_set_role));
        granted
    }

    /// Returns the columns with which a role may do this, by either way.
    pub fn columns(&self, role: Oid, privilege: Privilege, object: &'a Object) -> Vec<&'a Column> {
        let may = |column: &&Column| self.may(role, privilege, object, Some(column)) != Ability::No;
        object.columns.iter().filter(may).collect()
    }

    /// Returns whether a role has another's rights without SET ROLE.
    pub fn inherits(&self, role: Oid, other: Oid) -> bool {
        self.members.inherits(role, other)
    }

    /// Returns whether a role may SET ROLE to another.
    pub fn may_set_role(&self, role: Oid, other: Oid) -> bool {
        self.is_superuser(role) || self.members.identities(role).contains(&other)
    }

    /// Returns whether a role may connect to the database that was asked, if it can log in at all.
    pub fn connects(&self, role: Oid) -> bool {
        if self.is_superuser(role) {
            return true;
        }
        let Some(here) = self.live.database() else { return false };
        here.allows_connections && self.listed(role, &here.acl).contains(Privilege::Connect)
    }

    pub(crate) fn is_superuser(&self, role: Oid) -> bool {
        self.live.roles.get(&role).is_some_and(|role| role.superuser)
    }

    fn reach(&self, role: Oid, may: impl Fn(Oid) -> bool) -> Ability {
        match self.members.identities(role).iter().position(|identity| may(*identity)) {
            Some(0) => Ability::Automatic,
            Some(_) => Ability::BySetRole,
            None => Ability::No,
        }
    }

    /// Whether an identity has a privilege on an object, or a column of it.
    fn holds(&self, identity: Oid, privilege: Privilege, object: &Object, column: Option<&Column>) -> bool {
        if self.held(identity, object).contains(privilege) {
            return true;
        }
        let on = |column: &Column| self.held_on(identity, column).contains(privilege);
        match column {
            Some(column) => on(column),
            None => !object.columns.is_empty() && object.columns.iter().all(on),
        }
    }

    /// What an identity has on an object as a whole.
    fn held(&self, identity: Oid, object: &Object) -> Privileges {
        let all = object.kind.class().privileges(self.live.server.version);
        if self.is_superuser(identity) {
            return all;
        }
        let mut held = self.listed(identity, &object.acl);
        held = held.union(self.members.predefined(identity, object.kind.class())).intersection(all);
        held.minus(self.refused(identity, object))
    }

    /// What the server refuses on its catalogs to whoever is no superuser, whatever was granted (`pg_class_aclmask`).
    fn refused(&self, identity: Oid, object: &Object) -> Privileges {
        let relation =
            matches!(object.kind.class(), Class::Table | Class::Sequence) && object.kind != Kind::View;
        match relation && object.system && object.oid < FIRST_UNPINNED && !self.is_superuser(identity) {
            true => WRITES.into_iter().collect(),
            false => Privileges::NONE,
        }
    }

    /// What an identity has on a column alone.
    fn held_on(&self, identity: Oid, column: &Column) -> Privileges {
        column.acl.as_ref().map_or(Privileges::NONE, |acl| self.listed(identity, acl))
    }

    /// What an identity has on the whole, be it column by column, and what on some columns only.
    fn held_whole(&self, identity: Oid, object: &Object) -> (Privileges, Privileges) {
        let held = self.held(identity, object);
        if object.columns.iter().all(|column| column.acl.is_none()) {
            return (held, Privileges::NONE);
        }
        let all = object.kind.class().column_privileges();
        let (mut each, mut any) = (all, Privileges::NONE);
        for column in &object.columns {
            let on = self.held_on(identity, column).intersection(all);
            (each, any) = (each.intersection(on), any.union(on));
        }
        (held.union(each), any.minus(held.union(each)))
    }

    /// What a list gives an identity.
    fn listed(&self, identity: Oid, acl: &Acl) -> Privileges {
        acl.iter().fold(Privileges::NONE, |held, entry| {
            match entry.grantee == PUBLIC || self.members.inherits(identity, entry.grantee) {
                true => held.union(entry.privileges),
                false => held,
            }
        })
    }
}

/// `FirstUnpinnedObjectId`: what is below is a system catalog.
const FIRST_UNPINNED: Oid = 12_000;

const WRITES: [Privilege; 5] =
    [Privilege::Insert, Privilege::Update, Privilege::Delete, Privilege::Truncate, Privilege::Usage];

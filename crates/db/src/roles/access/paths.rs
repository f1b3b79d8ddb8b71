//! The ways that give a role a privilege.

use std::collections::BTreeMap;

use super::chains::{Chain, End};
use super::hinder::Hindrance;
use super::{
    Ability, Access, Answer, Close, Column, Explanation, Kind, Object, Oid, PUBLIC, Path, Privilege, Via,
};
use crate::quote_ident;
use crate::roles::{Acl, AclEntry};

impl<'a> Access<'a> {
    /// Explains whether, and by every way how, a role may do something.
    pub fn explain(
        &self,
        role: Oid,
        privilege: Privilege,
        object: &'a Object,
        column: Option<&Column>,
    ) -> Explanation {
        let (mut paths, more) = self.paths(role, privilege, object, column);
        paths.sort_by_key(|path| (path.hindrance.is_some(), path.reach != Ability::Automatic));
        let reach = self.may(role, privilege, object, column);
        let columns = match (reach, column) {
            (Ability::No, None) => self.columns(role, privilege, object),
            _ => Vec::new(),
        };
        let is = self.live.roles.get(&role);
        let logs_in = |member: &&super::Role| {
            member.oid != role
                && member.login
                && !member.superuser
                && self.connects(member.oid)
                && (self.inherits(member.oid, role) || self.may_set_role(member.oid, role))
        };
        let logins = self.live.roles.values().filter(logs_in).map(|member| member.name.clone());
        let through = self.through(role, privilege, object, column);
        let (login, connects) = (is.is_some_and(|role| role.login), self.connects(role));
        let answer = match reach {
            Ability::No if !columns.is_empty() => Answer::Partly,
            Ability::No if !through.is_empty() => Answer::Around,
            Ability::No => Answer::No,
            _ if login && !connects && object.kind != Kind::Database => Answer::CannotConnect,
            Ability::BySetRole => Answer::BySetRole,
            Ability::Automatic => Answer::Yes,
        };
        Explanation {
            answer,
            role: self.live.role_name(role),
            privilege,
            kind: object.kind,
            object: object.to_string(),
            column: column.map(|column| column.name.clone()),
            reach,
            others: match columns.is_empty() {
                true => Vec::new(),
                false => {
                    let others = object.columns.iter().filter(|column| !columns.contains(column));
                    others.map(|column| column.name.clone()).collect()
                }
            },
            columns: columns.into_iter().map(|column| column.name.clone()).collect(),
            login,
            connects,
            logins: if role == PUBLIC { Vec::new() } else { logins.collect() },
            through,
            takes: self.takes(role, privilege, object, column),
            paths,
            more,
        }
    }

    /// Returns the ways that give the privilege itself, and how many more there are.
    pub fn paths(
        &self,
        role: Oid,
        privilege: Privilege,
        object: &Object,
        column: Option<&Column>,
    ) -> (Vec<Path>, usize) {
        let mut found = Found { access: self, role, privilege, object, paths: Vec::new(), more: 0 };
        found.superusers();
        found.listed(column);
        match column {
            Some(column) => found.listed_on(&[column]),
            None => found.listed_on(&object.columns.iter().collect::<Vec<_>>()),
        }
        found.predefined();
        (found.paths, found.more)
    }

    /// Says why a privilege does not help, for people.
    pub(super) fn told(&self, hindrance: &Hindrance<'_>) -> String {
        match hindrance {
            Hindrance::Schema(schema) => format!("no usage on schema {schema}"),
            Hindrance::Needs { role, privilege, relation } => {
                format!("{} may not {privilege} {relation}", self.live.role_name(*role))
            }
            Hindrance::Calls(routine) => format!("no execute on {routine}"),
            Hindrance::Catalog => "the server lets nobody but superusers change its catalogs".into(),
        }
    }
}

struct Found<'f, 'a> {
    access: &'f Access<'a>,
    role: Oid,
    privilege: Privilege,
    object: &'f Object,
    paths: Vec<Path>,
    more: usize,
}

impl Found<'_, '_> {
    fn superusers(&mut self) {
        let superusers = self.access.live.roles.values().filter(|role| role.superuser);
        for superuser in superusers {
            let name = superuser.name.clone();
            let lowered = format!("alter role {} nosuperuser", quote_ident(&name));
            let also = Some("everything else that superusers may".to_owned());
            let close = Close { as_role: None, sql: lowered, also };
            // what initdb made stays one
            let close = (!super::Members::is_bootstrap(superuser.oid)).then_some(close);
            for chain in self.chains(superuser.oid, End::Become) {
                let all = self.access.leave(self.role, &chain).into_iter().chain(close.clone()).collect();
                self.push(&chain, Via::Superuser { role: name.clone() }, Vec::new(), all);
            }
        }
    }

    /// The entries of the object's own list.
    fn listed(&mut self, column: Option<&Column>) {
        let (acl, privilege) = (&self.object.acl, self.privilege);
        for entry in acl.iter().filter(|entry| entry.privileges.contains(privilege)) {
            let mut revoke = self.access.revoke(self.role, self.privilege, self.object, &[], entry, acl);
            if column.is_some() {
                let also = revoke.also.map_or_else(String::new, |also| format!(", and {also}"));
                revoke.also = Some(format!("the other columns{also}"));
            }
            self.entry(entry, &[], &revoke);
        }
    }

    /// The entries of columns: one way for all columns that have the same entry.
    fn listed_on(&mut self, columns: &[&Column]) {
        let lists = || columns.iter().filter_map(|column| Some((column, column.acl.as_ref()?)));
        let all: Acl = lists().flat_map(|(_, acl)| acl.iter().copied()).collect();
        let mut same: BTreeMap<AclEntry, Vec<String>> = BTreeMap::new();
        for (column, acl) in lists() {
            for entry in acl.iter().filter(|entry| entry.privileges.contains(self.privilege)) {
                same.entry(*entry).or_default().push(column.name.clone());
            }
        }
        for (entry, names) in same {
            let revoke = self.access.revoke(self.role, self.privilege, self.object, &names, &entry, &all);
            self.entry(&entry, &names, &revoke);
        }
    }

    fn entry(&mut self, entry: &AclEntry, columns: &[String], revoke: &Close) {
        if entry.grantee == PUBLIC {
            let via = Via::Public { grantor: self.access.live.role_name(entry.grantor) };
            let chain = self.unhindered();
            return self.push(&chain, via, columns.to_vec(), vec![revoke.clone()]);
        }
        for chain in self.chains(entry.grantee, End::Rights) {
            let close = self.access.leave(self.role, &chain).into_iter().chain([revoke.clone()]).collect();
            self.push(&chain, self.granted(entry), columns.to_vec(), close);
        }
    }

    fn predefined(&mut self) {
        let class = self.object.kind.class();
        let all: Vec<Oid> = self.access.members.predefined_for(self.privilege, class).collect();
        for predefined in all {
            let name = self.access.live.role_name(predefined);
            for chain in self.chains(predefined, End::Rights) {
                let close = self.access.leave(self.role, &chain).into_iter().collect();
                self.push(&chain, Via::Predefined { role: name.clone() }, Vec::new(), close);
            }
        }
    }

    fn granted(&self, entry: &AclEntry) -> Via {
        Via::Grant {
            grantee: self.access.live.role_name(entry.grantee),
            grantor: self.access.live.role_name(entry.grantor),
            grantable: entry.grantable.contains(self.privilege),
            owner: entry.grantee == self.object.owner,
        }
    }

    fn chains(&mut self, to: Oid, end: End) -> Vec<Chain> {
        let (chains, more) = self.access.chains(self.role, to, end);
        self.more += more;
        chains
    }

    /// What everybody has may still need another identity: one that has USAGE of the schema.
    fn unhindered(&self) -> Chain {
        let free = |identity: &Oid| self.access.hindrance(*identity, self.privilege, self.object).is_none();
        let identity = self.access.members.identities(self.role).iter().copied().find(free);
        let chain = identity
            .and_then(|identity| self.access.chains(self.role, identity, End::Become).0.into_iter().next());
        chain.unwrap_or_else(Chain::own)
    }

    fn push(&mut self, chain: &Chain, via: Via, columns: Vec<String>, close: Vec<Close>) {
        let hindered = |identity| self.access.hindrance(identity, self.privilege, self.object);
        let mut all = chain.identities(self.role);
        let free = all.find(|(_, identity)| hindered(*identity).is_none());
        let Some((reach, identity)) = free.or_else(|| chain.identities(self.role).next()) else { return };
        let hindrance = hindered(identity);
        self.paths.push(Path {
            reach,
            hops: chain.named(self.access),
            acts_as: self.access.live.role_name(identity),
            via,
            columns,
            hindrance: hindrance.map(|hindrance| self.access.told(&hindrance)),
            rows: self.access.rows(identity, self.privilege, self.object),
            close,
        });
    }
}

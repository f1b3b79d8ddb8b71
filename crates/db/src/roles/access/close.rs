//! The statements that close a way, and what else each takes away.

use super::chains::Chain;
use super::{Access, BOOTSTRAP, Close, Object, Oid, PUBLIC, Privilege};
use crate::quote_ident;
use crate::roles::{Acl, AclEntry};

impl Access<'_> {
    /// Takes a role out of the first role on its way.
    pub(super) fn leave(&self, role: Oid, chain: &Chain) -> Option<Close> {
        let members = [role].into_iter().chain(chain.hops.iter().map(|(role, _)| *role));
        let (member, (group, _)) = members.zip(&chain.hops).find(|(_, (_, edge))| !edge.implicit)?;
        let (group, of) = (*group, |oid| quote_ident(&self.live.role_name(oid)));
        let by = |grantor: Oid| match self.live.server.version >= 160_000 && grantor != BOOTSTRAP {
            true => format!(" granted by {}", of(grantor)),
            false => String::new(),
        };
        let of_both = self.live.memberships.iter().filter(|one| one.member == member && one.role == group);
        let revokes: Vec<String> = of_both
            .map(|one| format!("revoke {} from {}{}", of(group), of(member), by(one.grantor)))
            .collect();
        let name = self.live.role_name(group);
        let also = match self.objects_of(group) {
            0 => None,
            1 => Some(format!("what else {name} gives: privileges on 1 object")),
            count => Some(format!("what else {name} gives: privileges on {count} objects")),
        };
        Some(Close { as_role: None, sql: revokes.join("; "), also })
    }

    /// On how many objects a role has an entry, itself or by what it inherits; the server's own not counted.
    fn objects_of(&self, role: Oid) -> usize {
        let listed = |acl: &Acl| acl.iter().any(|entry| self.members.inherits(role, entry.grantee));
        let has = |object: &&Object| {
            !object.system
                && (listed(&object.acl)
                    || object.columns.iter().filter_map(|column| column.acl.as_ref()).any(listed))
        };
        self.live.objects.iter().filter(has).count()
    }

    /// Revokes one privilege of an entry; of a column's where `columns` names some.
    pub(super) fn revoke(
        &self,
        asker: Oid,
        privilege: Privilege,
        object: &Object,
        columns: &[String],
        entry: &AclEntry,
        acl: &Acl,
    ) -> Close {
        let dependents = dependents(privilege, entry, acl);
        let quoted: Vec<String> = columns.iter().map(|column| quote_ident(column)).collect();
        let columns = if quoted.is_empty() { String::new() } else { format!(" ({})", quoted.join(", ")) };
        let grantee = match entry.grantee {
            PUBLIC => "public".to_owned(),
            role => quote_ident(&self.live.role_name(role)),
        };
        let sql = format!(
            "revoke {privilege}{columns} on {} {} from {grantee}{}",
            object.kind.class().keyword(),
            object.sql(),
            if dependents.is_empty() { "" } else { " cascade" }
        );
        let mut also = Vec::new();
        if entry.grantee == PUBLIC {
            also.push("everybody's".to_owned());
        } else {
            let others = self.others_with(entry.grantee, asker);
            if !others.is_empty() {
                also.push(format!("that of {}", few(&others)));
            }
        }
        if !dependents.is_empty() {
            let names: Vec<String> = dependents.iter().map(|oid| self.live.role_name(*oid)).collect();
            also.push(format!("what it gave on to {}", few(&names)));
        }
        Close {
            // a grantor's own grant is taken back by that grantor only; the owner's by every superuser too
            as_role: (entry.grantor != object.owner).then(|| self.live.role_name(entry.grantor)),
            sql,
            also: (!also.is_empty()).then(|| also.join(", and ")),
        }
    }

    /// Who has what a role has, by membership; not who asks.
    fn others_with(&self, group: Oid, asker: Oid) -> Vec<String> {
        let member = |role: &&super::Role| {
            role.oid != group
                && role.oid != asker
                && !role.superuser
                && !role.is_predefined()
                && self
                    .members
                    .identities(role.oid)
                    .iter()
                    .any(|identity| self.members.inherits(*identity, group))
        };
        self.live.roles.values().filter(member).map(|role| role.name.clone()).collect()
    }
}

/// Who has a privilege only because this grantee gave it on, directly or not.
fn dependents(privilege: Privilege, entry: &AclEntry, acl: &Acl) -> Vec<Oid> {
    let gives = |entry: &&AclEntry| entry.grantable.contains(privilege);
    let still = acl
        .iter()
        .filter(gives)
        .any(|other| other.grantee == entry.grantee && other.grantor != entry.grantor);
    if !entry.grantable.contains(privilege) || still {
        return Vec::new();
    }
    let mut gone = vec![entry.grantee];
    let mut next = 0;
    while let Some(grantor) = gone.get(next).copied() {
        let given =
            acl.iter().filter(|other| other.grantor == grantor && other.privileges.contains(privilege));
        for other in given {
            if !gone.contains(&other.grantee) {
                gone.push(other.grantee);
            }
        }
        next += 1;
    }
    gone.remove(0);
    gone
}

/// The first of some names, and how many more there are.
pub(super) fn few(names: &[String]) -> String {
    match names {
        all if all.len() <= 4 => all.join(", "),
        [first, second, third, rest @ ..] => format!("{first}, {second}, {third} and {} more", rest.len()),
        _ => String::new(),
    }
}

//! The objects a policy speaks for, as they will be.

use std::borrow::Cow;
use std::collections::HashMap;

use super::draft::Draft;
use super::words::shown;
use crate::roles::{Acl, AclEntry, BOOTSTRAP, Class, GrantRule, Kind, Object, Oid, Privileges};

/// An object, its owner and access lists as far as the comparison has come.
pub(super) struct Thing<'a> {
    pub(super) object: Cow<'a, Object>,
    pub(super) owner: Oid,
    pub(super) acl: Acl,
    /// Lists of single columns, by their place among the object's.
    pub(super) columns: Vec<(usize, Acl)>,
    /// The table it is a part of, at the top.
    pub(super) root: Option<&'a Object>,
    /// The table whose column a sequence belongs to.
    pub(super) of_table: Option<Oid>,
}

impl<'a> Thing<'a> {
    pub(super) fn new(object: Cow<'a, Object>) -> Self {
        let (owner, acl) = (object.owner, object.acl.clone());
        let columns = object.columns.iter().enumerate();
        let columns = columns.filter_map(|(place, column)| Some((place, column.acl.clone()?))).collect();
        Self { object, owner, acl, columns, root: None, of_table: None }
    }

    pub(super) fn class(&self) -> Class {
        self.object.kind.class()
    }

    /// Returns what ALTER … OWNER calls it; ROUTINE takes aggregates, whatever their arguments, too.
    pub(super) fn word(&self) -> &'static str {
        match self.class() {
            Class::Routine => Class::Routine.keyword(),
            _ => self.object.kind.word(),
        }
    }

    /// Makes a new owner of all that was the old one's, as `aclnewowner` does.
    pub(super) fn pass_to(&mut self, owner: Oid) {
        let old = std::mem::replace(&mut self.owner, owner);
        self.acl = passed(&self.acl, old, owner);
        for (_, acl) in &mut self.columns {
            *acl = passed(acl, old, owner);
        }
    }
}

/// The old owner's entries are the new owner's; two of the same two roles become one.
fn passed(acl: &Acl, old: Oid, new: Oid) -> Acl {
    let mut entries: Vec<AclEntry> = Vec::with_capacity(acl.len());
    let pass = |role| if role == old { new } else { role };
    for entry in acl.iter() {
        let entry = AclEntry { grantee: pass(entry.grantee), grantor: pass(entry.grantor), ..*entry };
        match entries.iter_mut().find(|e| (e.grantee, e.grantor) == (entry.grantee, entry.grantor)) {
            Some(same) => {
                same.privileges = same.privileges.union(entry.privileges);
                same.grantable = same.grantable.union(entry.grantable);
            }
            None => entries.push(entry),
        }
    }
    entries.into_iter().collect()
}

/// Returns what the policy speaks for of what there is.
pub(super) fn things<'a>(draft: &mut Draft<'a>) -> Vec<Thing<'a>> {
    let (policy, live) = (draft.policy, draft.live);
    let mut of_class: HashMap<Class, Vec<&GrantRule>> = HashMap::new();
    for rule in &policy.grants {
        of_class.entry(rule.on.class).or_default().push(rule);
    }
    let named = |object: &Object| {
        let rules = of_class.get(&object.kind.class()).into_iter().flatten();
        rules.filter(|rule| rule.versions.include(draft.version)).any(|rule| {
            rule.on.names.iter().any(|name| name.matches(&object.name))
                && !rule.on.except.iter().any(|name| name.matches(&object.name))
        })
    };
    let in_reach = |object: &&Object| match object.kind.class() {
        Class::Database => object.name == live.server.database,
        Class::Schema => !object.system && policy.schemas.contains_key(&object.name),
        Class::Table | Class::Sequence | Class::Routine | Class::Type => {
            !object.system
                && object.extension.is_none()
                && object.schema.as_ref().is_some_and(|schema| policy.schemas.contains_key(schema))
        }
        Class::Language => policy.scope.languages.contains(&object.name),
        _ => named(object),
    };
    let tables: HashMap<Oid, &Object> = live
        .objects
        .iter()
        .filter(|object| object.relation.is_some())
        .map(|object| (object.oid, object))
        .collect();
    let mut things: Vec<Thing<'a>> = live
        .objects
        .iter()
        .filter(in_reach)
        .map(|object| Thing {
            root: root(&tables, object),
            of_table: match object.kind {
                Kind::Sequence => live.owned_sequences.get(&object.oid).copied(),
                _ => None,
            },
            ..Thing::new(Cow::Borrowed(object))
        })
        .collect();
    let parameters = of_class.get(&Class::Parameter).into_iter().flatten();
    for rule in parameters.filter(|rule| rule.versions.include(draft.version)) {
        for name in rule.on.names.iter().filter(|name| !name.as_str().contains(['*', '?', '"'])) {
            let known =
                |thing: &Thing<'_>| thing.class() == Class::Parameter && thing.object.name == name.as_str();
            if !things.iter().any(known) {
                things.push(Thing::new(Cow::Owned(parameter(name.as_str(), draft.version))));
            }
        }
    }
    for name in &policy.scope.languages {
        if !things.iter().any(|thing| thing.class() == Class::Language && thing.object.name == *name) {
            draft.notice(format!("there is no trusted language {}", shown(name)), None);
        }
    }
    things
}

fn root<'a>(tables: &HashMap<Oid, &'a Object>, object: &Object) -> Option<&'a Object> {
    let above = |object: &Object| object.relation.as_ref()?.partition_of;
    let mut root = *tables.get(&above(object)?)?;
    while let Some(next) = above(root).and_then(|oid| tables.get(&oid)) {
        root = next;
    }
    Some(root)
}

/// The catalog knows only parameters something was granted on.
fn parameter(name: &str, version: u32) -> Object {
    made(Kind::Parameter, name, BOOTSTRAP, Class::Parameter.privileges(version), &[])
}

/// Returns an object that is not there yet: its owner may everything.
pub(super) fn made(kind: Kind, name: &str, owner: Oid, all: Privileges, others: &[AclEntry]) -> Object {
    let own = AclEntry { grantee: owner, grantor: owner, privileges: all, grantable: Privileges::NONE };
    Object {
        kind,
        oid: 0,
        schema: None,
        name: name.to_owned(),
        arguments: None,
        owner,
        acl: others.iter().copied().chain([own]).collect(),
        columns: Vec::new(),
        extension: None,
        system: false,
        relation: None,
        routine: None,
    }
}

//! Owners: of the database, of schemas, of what is in them; schemas that are missing are made.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::things::{Thing, made};
use super::words::{of_columns, shown};
use crate::quote_ident;
use crate::roles::{Class, Kind, Oid, Phase};

pub(super) fn compare(draft: &mut Draft<'_>, things: &mut Vec<Thing<'_>>) {
    let policy = draft.policy;
    for (role, heir) in draft.retired.clone() {
        inherit(draft, things, role, heir);
    }
    if let Some(owner) = &policy.database.owner {
        let database = things.iter().position(|thing| thing.class() == Class::Database);
        if let (Some(at), Some(owner)) = (database, known(draft, owner, "the database", policy.database.line))
        {
            pass(draft, things, at, owner, policy.database.line);
            draft.database_owner = owner;
        }
    }
    for (name, rule) in &policy.schemas {
        let owner = match &rule.owner {
            Some(owner) => match known(draft, owner, &format!("schema {}", shown(name)), rule.line) {
                Some(owner) => Some(owner),
                None => continue,
            },
            None => None,
        };
        let at = things.iter().position(|thing| thing.class() == Class::Schema && thing.object.name == *name);
        match (at, owner) {
            (Some(at), Some(owner)) => pass(draft, things, at, owner, rule.line),
            (None, owner) if rule.create => create(draft, things, name, owner, rule.line),
            (None, _) => draft.notice(format!("there is no schema {}", shown(name)), Some(rule.line)),
            (Some(_), None) => {}
        }
        if let Some(owner) = owner.filter(|_| rule.owns_objects) {
            let keep: BTreeSet<Oid> =
                rule.creators.iter().filter_map(|name| draft.role_id(name)).chain([owner]).collect();
            for at in 0..things.len() {
                let thing = &things[at];
                if thing.object.schema.as_ref() == Some(name)
                    && thing.of_table.is_none()
                    && !keep.contains(&thing.owner)
                {
                    pass(draft, things, at, owner, rule.line);
                }
            }
        }
    }
}

/// Returns who owns each declared schema by now, also one that is still to come, and whether it is there.
pub(super) fn of_schemas(draft: &Draft<'_>, things: &[Thing<'_>]) -> BTreeMap<String, (Oid, bool)> {
    let schemas = things.iter().filter(|thing| thing.class() == Class::Schema);
    let there = schemas.map(|thing| (thing.object.name.clone(), (thing.owner, true)));
    let declared = draft.policy.schemas.iter();
    let to_come = declared
        .filter_map(|(name, rule)| Some((name.clone(), (draft.role_id(rule.owner.as_deref()?)?, false))));
    to_come.chain(there).collect()
}

fn known(draft: &mut Draft<'_>, owner: &str, of: &str, line: usize) -> Option<Oid> {
    let id = draft.role_id(owner);
    if id.is_none() {
        draft.impossible(
            format!("make {} the owner of {of}", shown(owner)),
            "there is no such role",
            "Declare the role, or correct its name.",
            Some(line),
        );
    }
    id
}

/// All that a retired role owns becomes its heir's: also what is not in reach, and what no privilege is granted on.
fn inherit(draft: &mut Draft<'_>, things: &mut [Thing<'_>], role: Oid, heir: Oid) {
    let (Some(from), Some(to)) = (draft.name(role), draft.name(heir)) else { return };
    let sql = format!("reassign owned by {} to {}", quote_ident(from), quote_ident(to));
    let reason = format!("{} is retired; {} gets what it owns", shown(from), shown(to));
    let line = draft.policy.retired.iter().find(|rule| rule.role == from).map(|rule| rule.line);
    draft.speaker(role);
    draft.change(Phase::Owners, None, sql, reason, line, vec![]);
    for thing in things.iter_mut().filter(|thing| thing.owner == role) {
        thing.pass_to(heir);
    }
    if draft.database_owner == role {
        draft.database_owner = heir;
    }
}

fn create(draft: &mut Draft<'_>, things: &mut Vec<Thing<'_>>, name: &str, owner: Option<Oid>, line: usize) {
    let owner = owner.unwrap_or(draft.login());
    // as if its owner had made it: with the owner's defaults for schemas
    let defaults = draft.live.defaults.iter();
    let entries: Vec<_> = defaults
        .filter(|default| {
            default.creator == owner && default.schema.is_none() && default.class == Class::Schema
        })
        .flat_map(|default| default.acl.iter().copied())
        .filter(|entry| entry.grantee != owner)
        .collect();
    let all = Class::Schema.privileges(draft.version);
    let object = made(Kind::Schema, name, owner, all, &entries);
    let schema = quote_ident(name);
    let of = draft.name(owner).map_or_else(String::new, quote_ident);
    may_create(draft, name, owner, line);
    let sql = format!("create schema {schema} authorization {of}");
    let undo = vec![format!("drop schema {schema}")];
    draft.change(Phase::Owners, None, sql, format!("there is no schema {}", shown(name)), Some(line), undo);
    things.push(Thing::new(Cow::Owned(object)));
}

fn may_create(draft: &mut Draft<'_>, name: &str, owner: Oid, line: usize) {
    if draft.all_powerful() {
        return;
    }
    draft.speaker(owner);
    let create = crate::roles::Privilege::Create;
    let creates = draft.live.database().is_some_and(|database| {
        draft.has_rights_of(draft.login(), database.owner)
            || database.acl.iter().any(|entry| {
                let has = entry.grantee == 0 || draft.has_rights_of(draft.login(), entry.grantee);
                has && entry.privileges.contains(create)
            })
    });
    if !creates {
        let (database, login) = (shown(&draft.live.server.database), draft.shown(draft.login()));
        draft.impossible(
            format!("make schema {}", shown(name)),
            format!("{login} may not create in {database}"),
            format!("Let a superuser apply it, or: grant create on database {database} to {login}."),
            Some(line),
        );
    }
}

/// Gives an object to its owner, where it is another's.
fn pass(draft: &mut Draft<'_>, things: &mut [Thing<'_>], at: usize, owner: Oid, line: usize) {
    let (old, thing) = (things[at].owner, &things[at]);
    if old == owner {
        return;
    }
    let alter = |to: Oid| alter(draft, thing, to);
    let mut undo = vec![alter(old)];
    undo.extend(lost(draft, things, at, owner));
    let (sql, what) = (alter(owner), shown(&thing.object.to_string()));
    let reason = format!("{} {what} belongs to {}", thing.object.kind.word(), draft.shown(old));
    let actor = mover(draft, old, owner);
    draft.change(Phase::Owners, actor, sql, reason, Some(line), undo);
    pass_along(things, at, owner);
}

/// A table takes the sequences of its columns along.
pub(super) fn pass_along(things: &mut [Thing<'_>], at: usize, owner: Oid) {
    things[at].pass_to(owner);
    if things[at].object.relation.is_some() {
        let table = things[at].object.oid;
        for sequence in things.iter_mut().filter(|thing| thing.of_table == Some(table)) {
            sequence.pass_to(owner);
        }
    }
}

/// Returns the statement that changes an owner.
pub(super) fn alter(draft: &Draft<'_>, thing: &Thing<'_>, to: Oid) -> String {
    let to = draft.name(to).map_or_else(|| to.to_string(), quote_ident);
    format!("alter {} {} owner to {to}", thing.word(), thing.object.sql())
}

/// What was granted to who becomes the owner, on a table also on its columns and their sequences, is lost when it ceases to be: it
/// is granted again.
pub(super) fn lost(draft: &Draft<'_>, things: &[Thing<'_>], at: usize, owner: Oid) -> Vec<String> {
    let Some(to) = draft.name(owner).map(quote_ident) else { return vec![] };
    let (thing, mut again) = (&things[at], Vec::new());
    let sequences =
        things.iter().filter(|of| of.of_table == Some(thing.object.oid) && thing.object.relation.is_some());
    for thing in sequences.chain([thing]) {
        let on = format!("{} {} to {to}", thing.class().keyword(), thing.object.sql());
        let columns = thing.columns.iter().filter_map(|(place, acl)| {
            Some((std::slice::from_ref(&thing.object.columns.get(*place)?.name), acl))
        });
        for (columns, acl) in columns.chain([(&[][..], &thing.acl)]) {
            for entry in acl.iter().filter(|entry| entry.grantee == owner) {
                let parts =
                    [(entry.privileges.minus(entry.grantable), ""), (entry.grantable, " with grant option")];
                let parts = parts.into_iter().filter(|(privileges, _)| !privileges.is_empty());
                again.extend(parts.map(|(privileges, option)| {
                    format!("grant {} on {on}{option}", of_columns(privileges, columns))
                }));
            }
        }
    }
    again
}

/// Who may give it: one that has the old owner's rights and may become the new one.
fn mover(draft: &mut Draft<'_>, old: Oid, new: Oid) -> Option<String> {
    if draft.all_powerful() {
        return None;
    }
    draft.speaker(new);
    match draft.has_rights_of(draft.login(), old) {
        true => None,
        false if draft.is_member(old, new) => draft.speaker(old),
        false => {
            let (old, login) = (draft.shown(old), draft.shown(draft.login()));
            draft.impossible(
                format!("give away what is {old}'s"),
                format!("{login} has not the rights of {old}"),
                "Let a superuser apply it.",
                None,
            );
            None
        }
    }
}

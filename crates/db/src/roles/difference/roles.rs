//! Roles: those that are missing are made, those that are different are changed where they differ.

use super::attributes::{Wanted, alter, create};
use super::draft::Draft;
use super::words::shown;
use crate::roles::{Phase, RoleRule};
use crate::{quote_ident, quote_literal};

pub(super) fn compare(draft: &mut Draft<'_>) {
    let policy = draft.policy;
    for (name, rule) in &policy.roles {
        if rule.versions.include(draft.version) {
            declared(draft, name, rule);
        }
    }
    in_between(draft);
    for rule in &policy.retired {
        let (Some(role), heir) = (draft.role_id(&rule.role), draft.role_id(&rule.reassign_to)) else {
            continue;
        };
        match heir {
            Some(heir) if heir != role => {
                draft.retired.insert(role, heir);
            }
            _ => draft.impossible(
                format!("retire {}", shown(&rule.role)),
                format!("there is no role {} to have what it owns", shown(&rule.reassign_to)),
                "Name a role that exists as its heir.",
                Some(rule.line),
            ),
        }
    }
    draft.walk_anew();
}

fn declared<'a>(draft: &mut Draft<'a>, name: &'a str, rule: &'a RoleRule) {
    let oid = match draft.role_id(name) {
        Some(oid) if draft.roles.get(&oid).is_some_and(|role| role.is_predefined()) => {
            let text = format!("{} is one of the server's own roles and left as it is", shown(name));
            return draft.notice(text, Some(rule.line));
        }
        Some(oid) => {
            change(draft, oid, rule);
            oid
        }
        None if name.starts_with("pg_") => {
            return draft.impossible(
                format!("make role {}", shown(name)),
                "names that begin with pg_ are the server's",
                "Give the role another name, or say on which versions the server has it.",
                Some(rule.line),
            );
        }
        None => {
            may_create(draft, name, rule);
            let wanted = Wanted::of(name, rule);
            let sql = create(&wanted);
            let reason = format!("{} does not exist", shown(name));
            let undo = vec![format!("drop role {}", quote_ident(name))];
            draft.change(Phase::Create, None, sql, reason, Some(rule.line), undo);
            draft.make_role(wanted.role())
        }
    };
    draft.declared.push((oid, rule));
    comment(draft, oid, rule);
}

fn change(draft: &mut Draft<'_>, oid: crate::roles::Oid, rule: &RoleRule) {
    let Some(role) = draft.roles.get(&oid).cloned() else { return };
    let wanted = Wanted::of(&role.name, rule);
    let Some(alteration) = alter(&role, &wanted) else { return };
    let name = shown(&role.name);
    if !draft.all_powerful() {
        let special = alteration.touches_superuser || role.superuser;
        if special || !draft.may_manage(oid) {
            let who = if special { "a superuser" } else { "a superuser, or who has it WITH ADMIN OPTION," };
            draft.impossible(
                format!("change the attributes of {name}"),
                format!("only {who} may"),
                "Let such a login apply it.",
                Some(rule.line),
            );
        }
    } else if oid == draft.login() && !wanted.superuser {
        draft.impossible(
            format!("take SUPERUSER from {name}"),
            "it is the login that applies this",
            "Apply it as another superuser.",
            Some(rule.line),
        );
        return;
    }
    let reason = format!("{name} is {}", alteration.differs.join(", "));
    draft.change(Phase::Attributes, None, alteration.sql, reason, Some(rule.line), vec![alteration.undo]);
    draft.roles.insert(oid, crate::roles::Role { oid, ..wanted.onto(role) });
}

fn comment(draft: &mut Draft<'_>, oid: crate::roles::Oid, rule: &RoleRule) {
    let (Some(wanted), Some(role)) = (&rule.comment, draft.roles.get(&oid)) else { return };
    if role.comment.as_ref() == Some(wanted) || (role.comment.is_none() && wanted.is_empty()) {
        return;
    }
    let on = format!("comment on role {} is", quote_ident(&role.name));
    let literal = |text: &str| quote_literal(text).trim_start().to_owned();
    let undo = vec![format!("{on} {}", role.comment.as_deref().map_or_else(|| "null".into(), literal))];
    let has = if role.comment.is_some() { "another" } else { "no" };
    let reason = format!("{} has {has} comment", shown(&role.name));
    let sql = format!("{on} {}", literal(wanted));
    draft.change(Phase::Attributes, None, sql, reason, Some(rule.line), undo);
}

fn may_create(draft: &mut Draft<'_>, name: &str, rule: &RoleRule) {
    let Some(login) = draft.live.login() else { return };
    if login.superuser {
        return;
    }
    let special = rule.superuser
        || match draft.version {
            160_000.. => (rule.replication && !login.replication) || (rule.bypass_rls && !login.bypass_rls),
            _ => rule.replication || rule.bypass_rls,
        };
    if special || !login.create_role {
        let who = if special { "a superuser" } else { "a superuser, or who has CREATEROLE," };
        draft.impossible(
            format!("make role {}", shown(name)),
            format!("only {who} may"),
            "Let such a login apply it.",
            Some(rule.line),
        );
    }
}

/// Before 16, roles that only stand in between need not be declared.
fn in_between(draft: &mut Draft<'_>) {
    if draft.version >= 160_000 {
        return;
    }
    let policy = draft.policy;
    let version = draft.version;
    for rule in policy.roles.values().filter(|rule| rule.versions.include(version)) {
        for membership in rule.member_of.iter().filter(|m| !m.inherit && m.versions.include(version)) {
            let Some(through) = &membership.through else { continue };
            if draft.role_id(through).is_some() {
                continue;
            }
            let wanted = Wanted::between(through);
            let reason = format!("{} stands between roles and those they may become", shown(through));
            let undo = vec![format!("drop role {}", quote_ident(through))];
            draft.change(Phase::Create, None, create(&wanted), reason, Some(membership.line), undo);
            draft.make_role(wanted.role());
        }
    }
}

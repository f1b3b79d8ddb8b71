//! What must hold between the parts of a policy.

use std::collections::{BTreeMap, BTreeSet};

use super::read::Source;
use super::{GrantRule, Policy, Privileges, Versions};
use crate::roles::Privilege;

pub(super) fn check(source: &Source<'_>, policy: &Policy) {
    memberships(source, policy);
    circles(source, policy);
    grants(source, policy);
    retired(source, policy);
}

fn memberships(source: &Source<'_>, policy: &Policy) {
    for (name, rule) in &policy.roles {
        for (place, membership) in rule.member_of.iter().enumerate() {
            let (role, line) = (&membership.role, membership.line);
            let again = |before: &&super::MemberOf| {
                before.role == *role && overlap(before.versions, membership.versions)
            };
            if let Some(before) = rule.member_of[..place].iter().find(again) {
                source.refuse(
                    line,
                    format!("{name:?} is a member of {role:?} already, by line {}", before.line),
                );
            }
            let group = policy.roles.get(role);
            if let Some(allowed) = group.and_then(|group| group.only_members.as_ref())
                && !allowed.contains(name)
            {
                let group = group.map_or(0, |group| group.line);
                source
                    .refuse(line, format!("only_members of {role:?} (line {group}) does not name {name:?}"));
            }
            let Some(through) = &membership.through else { continue };
            match policy.roles.get(through) {
                Some(between) if !between.inherit && !between.login => {}
                Some(between) => source.refuse(
                    between.line,
                    format!("{through:?} stands between {name:?} and {role:?}: it needs inherit = false and no login"),
                ),
                None => source.refuse(line, format!("{through:?} must be declared, with inherit = false")),
            }
        }
    }
}

/// PostgreSQL refuses a circle, but only the statement that closes it.
fn circles(source: &Source<'_>, policy: &Policy) {
    let mut above: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, rule) in &policy.roles {
        for membership in &rule.member_of {
            above.entry(name).or_default().insert(&membership.role);
            if let Some(through) = &membership.through {
                above.entry(name).or_default().insert(through);
                above.entry(through).or_default().insert(&membership.role);
            }
        }
    }
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (name, rule) in &policy.roles {
        let Some(circle) = way(&above, name, name).filter(|_| !told.contains(name.as_str())) else {
            continue;
        };
        told.extend(&circle);
        source.refuse(rule.line, format!("memberships go in a circle: {} → {name}", circle.join(" → ")));
    }
}

/// Returns the roles on a way from one to another, without the last.
fn way<'a>(above: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut queue = vec![vec![from]];
    let mut seen = BTreeSet::new();
    while let Some(path) = queue.pop() {
        for next in path.last().and_then(|last| above.get(last)).into_iter().flatten() {
            if *next == to {
                return Some(path);
            }
            if seen.insert(*next) {
                queue.push([&path[..], &[next]].concat());
            }
        }
    }
    None
}

/// The same privilege twice: one of the two lines would be changed some day, and nothing happen.
fn grants(source: &Source<'_>, policy: &Policy) {
    let mut seen: BTreeMap<(&str, Privilege, String), Vec<&GrantRule>> = BTreeMap::new();
    for rule in &policy.grants {
        let mut twice: BTreeMap<(usize, &str), Privileges> = BTreeMap::new();
        for role in &rule.to {
            for privilege in rule.privileges.iter() {
                let before = seen.entry((role, privilege, on(rule))).or_default();
                if let Some(before) = before.iter().find(|before| overlap(before.versions, rule.versions)) {
                    twice.entry((before.line, role)).or_default().insert(privilege);
                }
                before.push(rule);
            }
        }
        for ((line, role), privileges) in twice {
            source.refuse(
                rule.line,
                format!("{role:?} has {} on it already, by line {line}", privileges.words()),
            );
        }
    }
}

/// What a grant is on, comparable.
fn on(rule: &GrantRule) -> String {
    let names = |patterns: &[crate::pattern::NamePattern]| {
        let mut names: Vec<_> = patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect();
        names.sort();
        names
    };
    let on = &rule.on;
    let (mut schemas, mut columns) = (on.schemas.clone(), on.columns.clone());
    schemas.sort();
    columns.sort();
    let (own, except) = (names(&on.names), names(&on.except));
    format!("{:?} {schemas:?} {own:?} {except:?} {columns:?} {}", on.class, on.without_sensitive)
}

fn retired(source: &Source<'_>, policy: &Policy) {
    for (place, rule) in policy.retired.iter().enumerate() {
        if let Some(before) = policy.retired[..place].iter().find(|before| before.role == rule.role) {
            source.refuse(
                rule.line,
                format!("role {:?} is retired already, by line {}", rule.role, before.line),
            );
        }
        if policy.retired.iter().any(|other| other.role == rule.reassign_to) {
            source.refuse(
                rule.line,
                format!("{:?} is retired itself, and can inherit nothing", rule.reassign_to),
            );
        }
        let granted = policy.grants.iter().find(|grant| grant.to.contains(&rule.role));
        let line = granted.map(|grant| grant.line).or_else(|| {
            let joins = policy.roles.values().flat_map(|role| &role.member_of);
            joins.clone().find(|membership| membership.role == rule.role).map(|membership| membership.line)
        });
        if let Some(line) = line {
            source.refuse(
                line,
                format!("role {:?} is retired on line {}: it gets nothing", rule.role, rule.line),
            );
        }
    }
}

fn overlap(one: Versions, other: Versions) -> bool {
    let (since, until) = (one.since.max(other.since).unwrap_or(0), [one.until, other.until]);
    until.into_iter().flatten().all(|until| since <= until)
}

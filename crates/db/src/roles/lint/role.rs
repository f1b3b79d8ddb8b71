//! Roles that can do more than grants say.

use super::index::{Index, by_login, some};
use super::{Finding, Rule, Severity};
use crate::quote_ident;
use crate::roles::{BOOTSTRAP, Membership, Mode, Password, Role};

/// Predefined roles that are as good as superuser, or reach every table: with what they do.
const POWERFUL: [(&str, Severity, &str); 4] = [
    ("pg_execute_server_program", Severity::Danger, "run programs on the server, and so become superuser"),
    ("pg_write_server_files", Severity::Danger, "write files of the server, and so become superuser"),
    ("pg_read_server_files", Severity::Danger, "read every file of the server, passwords and tables too"),
    ("pg_write_all_data", Severity::Warning, "write every table, whoever it belongs to"),
];

pub(super) fn look(index: &Index<'_>, findings: &mut Vec<Finding>) {
    for role in index.live.roles.values().filter(|role| !role.is_predefined() || role.oid == BOOTSTRAP) {
        let declared = index.declared(role.oid);
        if role.password == Password::Md5 {
            findings.push(Finding {
                severity: Severity::Warning,
                rule: Rule::Md5Password,
                object: format!("role {}", role.name),
                why: "whoever reads the md5 hash of its password logs in with it; set the password anew, and it is kept as SCRAM"
                    .into(),
                repair: Vec::new(),
            });
        }
        // what the policy declares otherwise, the plan mends
        if role.superuser && role.oid != BOOTSTRAP && declared.is_none() {
            let why = match role.login {
                true => "no grant, policy or limit binds it",
                false => "no grant, policy or limit binds who may SET ROLE to it",
            };
            findings.push(attribute(role, Severity::Warning, Rule::Superuser, why, "nosuperuser"));
        }
        if !role.superuser && declared.is_none() {
            attributes(role, findings);
        }
    }
    for membership in &index.live.memberships {
        powerful(index, membership, findings);
    }
    without_limit(index, findings);
}

fn attribute(role: &Role, severity: Severity, rule: Rule, why: &str, word: &str) -> Finding {
    Finding {
        severity,
        rule,
        object: format!("role {}", role.name),
        why: why.into(),
        repair: vec![by_login(format!("alter role {} {word}", quote_ident(&role.name)))],
    }
}

fn attributes(role: &Role, findings: &mut Vec<Finding>) {
    let known = [
        (role.bypass_rls, "it has BYPASSRLS: row-level security shows it every row", "nobypassrls"),
        (role.replication, "it has REPLICATION: it can copy the whole cluster", "noreplication"),
        (
            role.create_role,
            "it has CREATEROLE: it makes roles, and before 16 gives itself almost any",
            "nocreaterole",
        ),
    ];
    for (_, why, word) in known.into_iter().filter(|(has, ..)| *has) {
        findings.push(attribute(role, Severity::Warning, Rule::PowerfulAttribute, why, word));
    }
}

fn powerful(index: &Index<'_>, membership: &Membership, findings: &mut Vec<Finding>) {
    let (Some(role), Some(member)) = (index.role(membership.role), index.role(membership.member)) else {
        return;
    };
    let Some((name, severity, can)) = POWERFUL.iter().find(|(name, ..)| *name == role.name) else { return };
    let declared = index.declared(member.oid);
    let meant = declared.is_some_and(|rule| rule.member_of.iter().any(|of| of.role == role.name));
    let planned =
        declared.is_some() && index.policy.is_some_and(|policy| policy.scope.mode == Mode::Authoritative);
    if meant || planned || member.superuser || member.is_predefined() {
        return;
    }
    let granted_by = match index.live.server.version >= 160_000 {
        true => format!(" granted by {}", index.sql_role(membership.grantor)),
        false => String::new(),
    };
    findings.push(Finding {
        severity: *severity,
        rule: Rule::PowerfulMembership,
        object: format!("role {}", member.name),
        why: format!("as a member of {name} it can {can}"),
        repair: vec![by_login(format!("revoke {name} from {}{granted_by}", quote_ident(&member.name)))],
    });
}

/// One finding for all, because logins of people are many.
fn without_limit(index: &Index<'_>, findings: &mut Vec<Finding>) {
    let logins: Vec<&Role> = index
        .live
        .roles
        .values()
        .filter(|role| role.login && !role.superuser && role.connection_limit == -1)
        .filter(|role| index.declared(role.oid).is_none())
        .collect();
    if logins.is_empty() {
        return;
    }
    findings.push(Finding {
        severity: Severity::Notice,
        rule: Rule::NoConnectionLimit,
        object: match logins.as_slice() {
            [one] => format!("role {}", one.name),
            many => format!("{} roles", many.len()),
        },
        why: format!(
            "nothing keeps one login from taking every connection: {}",
            some(logins.iter().map(|r| r.name.clone()))
        ),
        repair: logins
            .iter()
            .map(|role| by_login(format!("alter role {} connection limit 10", quote_ident(&role.name))))
            .collect(),
    });
}

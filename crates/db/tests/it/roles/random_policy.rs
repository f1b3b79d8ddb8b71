//! Policies by chance, which contradict nothing.

use std::collections::BTreeMap;

use unisys_db::pattern::NamePattern;
use unisys_db::roles::{
    Class, ColumnName, DatabaseRule, GrantRule, MemberOf, Mode, Policy, Privileges, Retirement, RoleRule,
    SchemaRule, Scope, Selector, Versions,
};

use super::chance::Chance;
use super::random_state::{ROLES, SCHEMAS};

/// A role's line in the policy tells which it is.
pub(crate) fn policy(chance: &mut Chance, version: u32) -> Policy {
    // the last three are never declared
    let declared: Vec<&str> =
        ROLES[..6].iter().copied().filter(|role| *role == ROLES[0] || !chance.once_in(4)).collect();
    let roles: BTreeMap<String, RoleRule> = declared
        .iter()
        .enumerate()
        .map(|(place, name)| ((*name).to_owned(), role(chance, &declared[..place], version)))
        .collect();
    let schemas: BTreeMap<String, SchemaRule> =
        SCHEMAS[..2].iter().map(|name| ((*name).to_owned(), schema(chance, &declared))).collect();
    let grants = (0..4 + chance.below(12)).map(|line| grant(chance, &declared, version, line)).collect();
    let retired = Retirement {
        role: ROLES[7].into(),
        reassign_to: ROLES[0].into(),
        terminate_sessions: false,
        line: 1,
    };
    Policy {
        sha256: String::new(),
        database: DatabaseRule {
            owner: chance.once_in(3).then(|| declared[0].to_owned()),
            connection_limit: chance.once_in(3).then_some(50),
            settings: settings(chance),
            ..DatabaseRule::default()
        },
        scope: Scope {
            mode: Mode::Authoritative,
            roles: if chance.once_in(2) { vec![NamePattern::parse("prop_login*").unwrap()] } else { vec![] },
            languages: if chance.once_in(2) { vec!["plpgsql".into()] } else { vec![] },
        },
        roles,
        schemas,
        grants,
        sensitive: vec![ColumnName {
            schema: "s1".into(),
            table: "t1".into(),
            column: "Secret \"x\"".into(),
        }],
        assertions: vec![],
        retired: if chance.once_in(3) { vec![retired] } else { vec![] },
    }
}

fn role(chance: &mut Chance, before: &[&str], version: u32) -> RoleRule {
    let inherit = !chance.once_in(3);
    // only of roles that were declared before: no circles
    let of: Vec<&&str> = before.iter().filter(|_| chance.once_in(4)).collect();
    let member_of: Vec<MemberOf> = of
        .into_iter()
        .map(|of| MemberOf {
            role: (*of).to_owned(),
            inherit: if version < 160_000 { inherit } else { chance.once_in(2) },
            set: version < 160_000 || chance.once_in(2),
            admin: chance.once_in(4),
            through: None,
            versions: Versions::default(),
            line: 2,
        })
        .collect();
    RoleRule {
        login: chance.once_in(2),
        superuser: false,
        create_db: chance.once_in(5),
        create_role: false,
        replication: false,
        bypass_rls: chance.once_in(8),
        inherit,
        connection_limit: if chance.once_in(3) { 9 } else { -1 },
        valid_until: chance.once_in(5).then(|| "2027-01-01".to_owned()),
        password: None,
        member_of,
        only_members: chance.once_in(4).then(Vec::new),
        settings: settings(chance),
        settings_here: settings(chance),
        comment: chance.once_in(4).then(|| "it's\\a role".to_owned()),
        versions: Versions::default(),
        line: 1,
    }
}

fn settings(chance: &mut Chance) -> BTreeMap<String, String> {
    let all = [("statement_timeout", "30s"), ("search_path", "s1, \"S \"\"2\"\"\""), ("my.setting", "it's")];
    all.iter().filter(|_| chance.once_in(4)).map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn schema(chance: &mut Chance, declared: &[&str]) -> SchemaRule {
    SchemaRule {
        owner: (!chance.once_in(4)).then(|| (*chance.pick(declared)).to_owned()),
        owns_objects: chance.once_in(2),
        creators: declared.iter().filter(|_| chance.once_in(4)).map(|name| (*name).to_owned()).collect(),
        create: true,
        line: 3,
    }
}

fn grant(chance: &mut Chance, declared: &[&str], version: u32, line: usize) -> GrantRule {
    let class = *chance.pick(&[
        Class::Table,
        Class::Table,
        Class::Table,
        Class::Sequence,
        Class::Routine,
        Class::Type,
        Class::Schema,
        Class::Database,
        Class::Language,
    ]);
    let mut to: Vec<String> =
        chance.some(declared).into_iter().map(str::to_owned).filter(|name| name != "PUBLIC").collect();
    if to.is_empty() || chance.once_in(6) {
        to.push("PUBLIC".into());
    }
    let pattern = |text: &str| NamePattern::parse(text).unwrap();
    let schemas = match class {
        Class::Database | Class::Language => vec![],
        _ => chance.some(&SCHEMAS[..2]).into_iter().map(str::to_owned).collect(),
    };
    let mut on =
        Selector { class, schemas, names: vec![], except: vec![], columns: vec![], without_sensitive: false };
    match class {
        Class::Table => match chance.below(6) {
            0 => on.names = vec![pattern("t?")],
            1 => on.except = vec![pattern("parts")],
            2 => on.columns = vec!["id".into(), "Secret \"x\"".into()],
            3 => on.without_sensitive = true,
            _ => {}
        },
        Class::Routine if chance.once_in(2) => on.names = vec![pattern("f(integer)")],
        Class::Language => on.names = vec![pattern("plpgsql")],
        _ => {}
    }
    let all: Vec<_> = match on.columns.is_empty() {
        true => class.privileges(version).iter().collect(),
        false => class.column_privileges().iter().collect(),
    };
    let privileges: Privileges = chance.some(&all).into_iter().collect();
    let future = !matches!(class, Class::Database | Class::Language) && chance.once_in(2);
    let grantable = chance.once_in(5);
    GrantRule { to, privileges, grantable, on, future, versions: Versions::default(), line: 10 + line }
}

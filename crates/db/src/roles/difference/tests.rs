//! A small server as values, small policies, and what they make of each other. R… are the pitfalls of the field's tools.

mod defaults;
mod privileges;
mod roles;

use super::{Difference, difference};
use crate::roles::acl::Reader;
use crate::roles::{
    Acl, BOOTSTRAP, Class, Column, Database, DefaultAcl, Kind, Live, Membership, Object, Oid, Password,
    Policy, Relation, Role, Server,
};

/// The roles of every policy here: an owner, a reader, a writer.
const ROLES: &str =
    "version = 1\n[role.app_owner]\n[role.reader]\n[role.writer]\n[schema.app]\nowner = \"app_owner\"\n";

/// What makes the database and the schema as the policies here want them.
const GRANTS: &str = "[[grant]]\nto = \"reader\"\nprivileges = \"select\"\non = \"table app.*\"\n";

const OWNER: Oid = 16_400;
const READER: Oid = 16_401;
const WRITER: Oid = 16_402;
const STRANGER: Oid = 16_403;

fn role(oid: Oid, name: &str) -> Role {
    Role {
        oid,
        name: name.into(),
        superuser: oid == BOOTSTRAP,
        inherit: true,
        create_role: false,
        create_db: false,
        login: false,
        replication: false,
        bypass_rls: false,
        connection_limit: -1,
        valid_until: None,
        password: Password::Unknown,
        comment: None,
    }
}

fn object(kind: Kind, oid: Oid, schema: Option<&str>, name: &str) -> Object {
    Object {
        kind,
        oid,
        schema: schema.map(str::to_owned),
        name: name.into(),
        arguments: (kind.class() == Class::Routine).then(|| "integer".into()),
        owner: OWNER,
        acl: Acl::default(),
        columns: vec![],
        extension: None,
        system: false,
        relation: None,
        routine: None,
    }
}

/// A server with a database that is as the policies here want it, apart from grants on tables.
fn server(version: u32) -> Live {
    let roles = [
        role(BOOTSTRAP, "postgres"),
        role(3373, "pg_monitor"),
        role(OWNER, "app_owner"),
        role(READER, "reader"),
        role(WRITER, "writer"),
        role(STRANGER, "stranger"),
    ];
    let mut live = Live {
        server: Server { version, database: "uni".into(), login: BOOTSTRAP, ..Server::default() },
        roles: roles.into_iter().map(|role| (role.oid, role)).collect(),
        ..Live::default()
    };
    live.databases.push(Database {
        oid: 5,
        name: "uni".into(),
        owner: BOOTSTRAP,
        acl: Acl::default(),
        connection_limit: -1,
        allows_connections: true,
        template: false,
        encoding: "UTF8".into(),
        collate: "C".into(),
        ctype: "C".into(),
    });
    live.objects.push(Object { owner: BOOTSTRAP, ..object(Kind::Database, 5, None, "uni") });
    live.objects.push(object(Kind::Schema, 20, None, "app"));
    for class in [Class::Routine, Class::Type] {
        // somebody closed them already
        live.defaults.push(DefaultAcl { creator: OWNER, schema: None, class, acl: Acl::default() });
    }
    live
}

/// Adds a table of schema app with this access list, each entry as the catalog writes it.
fn table(live: &mut Live, name: &str, acl: &[&str]) {
    thing(live, Kind::Table, name, acl);
    let table = live.objects.last_mut().unwrap();
    table.relation = Some(Relation::default());
    table.columns = ["id", "name", "secret"]
        .into_iter()
        .zip(1..)
        .map(|(name, number)| Column { number, name: name.into(), acl: None })
        .collect();
}

fn thing(live: &mut Live, kind: Kind, name: &str, entries: &[&str]) {
    let oid = 30 + Oid::try_from(live.objects.len()).unwrap();
    let acl = acl(live, entries);
    live.objects.push(Object { acl, ..object(kind, oid, Some("app"), name) });
}

fn acl(live: &Live, entries: &[&str]) -> Acl {
    Reader::new(live.roles.values().map(|role| (role.name.clone(), role.oid))).read(entries).unwrap()
}

fn member(live: &mut Live, role: Oid, member: Oid) {
    let row = Membership { role, member, grantor: BOOTSTRAP, admin: false, inherit: true, set: true };
    live.memberships.push(row);
}

fn policy(text: &str) -> Policy {
    Policy::parse(text, "p.toml").unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn compare(text: &str, live: &Live) -> Difference {
    difference(&policy(text), live)
}

/// Returns the statements, each with who says it where that is not the login.
fn sql(text: &str, live: &Live) -> Vec<String> {
    let said = |change: &crate::roles::Change| match &change.as_role {
        Some(role) => format!("{role}: {}", change.sql),
        None => change.sql.clone(),
    };
    let difference = compare(text, live);
    assert!(difference.impossible.is_empty(), "{:?}", difference.impossible);
    difference.changes.iter().map(said).collect()
}

fn notices(text: &str, live: &Live) -> Vec<String> {
    compare(text, live).notices.into_iter().map(|notice| notice.text).collect()
}

fn impossible(text: &str, live: &Live) -> Vec<String> {
    compare(text, live).impossible.iter().map(ToString::to_string).collect()
}

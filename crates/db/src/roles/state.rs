//! What a policy speaks for, as plain words: to notice that something changed, and to say what.
//!
//! By names, not numbers: a role that is dropped and made again, or a database that was restored, is in the same state. What a
//! login may not see (passwords) is not part of it, so that two logins see the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Acl, Class, Kind, Live, Object, Oid, PUBLIC, Policy, Role};

/// What of a server and a database a [`State`] holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Roles, by name; whether they exist or not.
    pub roles: BTreeSet<String>,
    /// Schemas, with all that is in them.
    pub schemas: BTreeSet<String>,
    /// Whether large objects belong to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub large_objects: bool,
}

impl Reach {
    /// Returns how far a policy reaches on this server: what it names, and what its patterns take today.
    pub fn of(policy: &Policy, live: &Live) -> Self {
        let mut roles: BTreeSet<String> = policy.roles.keys().cloned().collect();
        roles.extend(policy.retired.iter().map(|retired| retired.role.clone()));
        let taken = |role: &&Role| policy.scope.roles.iter().any(|pattern| pattern.matches(&role.name));
        roles.extend(live.roles.values().filter(taken).map(|role| role.name.clone()));
        let mut schemas: BTreeSet<String> = policy.schemas.keys().cloned().collect();
        schemas.extend(policy.grants.iter().flat_map(|rule| rule.on.schemas.iter().cloned()));
        let large_objects = policy.grants.iter().any(|rule| rule.on.class == Class::LargeObject);
        Self { roles, schemas, large_objects }
    }
}

/// The state of all that is in reach: part by part (`roles`, `schema app`), thing by thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(BTreeMap<String, BTreeMap<String, String>>);

/// A hash for each part of a [`State`], to recognise it by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateDigest(BTreeMap<String, String>);

/// One thing that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Part and thing: `schema app, table students`.
    pub what: String,
    /// How it was; `None`: it was not there.
    pub before: Option<String>,
    /// How it is; `None`: it is gone.
    pub after: Option<String>,
}

impl State {
    /// Returns the state of what is in reach.
    pub fn of(reach: &Reach, live: &Live) -> Self {
        let mut state = Self::default();
        state.roles(reach, live);
        for object in live.objects.iter().filter(|object| !object.system && object.extension.is_none()) {
            state.object(reach, live, object);
        }
        for default in
            live.defaults.iter().filter(|default| default.schema.is_none() || !default.acl.is_empty())
        {
            let schema =
                default.schema.as_deref().map_or_else(String::new, |schema| format!(" in {}", name(schema)));
            let of = role(live, default.creator);
            let plural = default.class.plural().unwrap_or_default();
            state.put("default privileges", format!("of {of}{schema} on {plural}"), acl(live, &default.acl));
        }
        state
    }

    fn roles(&mut self, reach: &Reach, live: &Live) {
        let has = |oid: Oid| live.roles.get(&oid).is_some_and(|role| reach.roles.contains(&role.name));
        for of in live.roles.values().filter(|of| reach.roles.contains(&of.name)) {
            self.put("roles", name(&of.name), attributes(of));
        }
        for membership in live.memberships.iter().filter(|m| has(m.role) || has(m.member)) {
            let what = format!("{} in {}", role(live, membership.member), role(live, membership.role));
            let options =
                [(membership.admin, "admin"), (membership.inherit, "inherit"), (membership.set, "set")];
            let mut value = words(options);
            // before 16 who granted a membership decides nothing, and a second grant replaces it
            if live.server.version >= 160_000 {
                value = format!("{value} by {}", role(live, membership.grantor));
            }
            self.put("memberships", what, value);
        }
        for setting in &live.settings {
            let here = setting.database.as_deref().is_none_or(|database| database == live.server.database);
            let of = match setting.role {
                PUBLIC if setting.database.is_some() => "the database".to_owned(),
                oid if has(oid) => role(live, oid),
                _ => continue,
            };
            if here {
                let place = if setting.role != PUBLIC && setting.database.is_some() { " here" } else { "" };
                self.put("settings", format!("{of}{place} {}", setting.name), setting.value.clone());
            }
        }
    }

    fn object(&mut self, reach: &Reach, live: &Live, object: &Object) {
        let part = match (&object.schema, object.kind) {
            (None, Kind::Schema) if !reach.schemas.contains(&object.name) => return,
            (None, Kind::LargeObject) if !reach.large_objects => return,
            (None, Kind::Schema) => format!("schema {}", name(&object.name)),
            (None, Kind::Database) => "database".into(),
            (None, _) => "others".into(),
            (Some(schema), _) if reach.schemas.contains(schema) => format!("schema {}", name(schema)),
            (Some(_), _) => return,
        };
        let mut value = format!("owner {}; {}", role(live, object.owner), acl(live, &object.acl));
        if let (Kind::Database, Some(database)) = (object.kind, live.database()) {
            value = format!("connection limit {}; {value}", database.connection_limit);
        }
        let arguments = object.arguments.as_ref().map_or_else(String::new, |types| format!("({types})"));
        let what = format!("{} {}{arguments}", object.kind.word(), name(&object.name));
        for column in &object.columns {
            if let Some(of_column) = &column.acl {
                self.put(&part, format!("{what} column {}", name(&column.name)), acl(live, of_column));
            }
        }
        self.put(&part, what, value);
    }

    /// The same two roles may stand there once for each grantor.
    fn put(&mut self, part: &str, what: String, value: String) {
        let things = self.0.entry(part.to_owned()).or_default();
        let both = match things.get(&what) {
            Some(before) => {
                let mut both: Vec<&str> = before.split(" and ").chain([value.as_str()]).collect();
                both.sort_unstable();
                both.join(" and ")
            }
            None => value,
        };
        things.insert(what, both);
    }

    /// Returns what this state can be recognised by.
    pub fn digest(&self) -> StateDigest {
        let hash = |things: &BTreeMap<String, String>| {
            let mut hash = Sha256::new();
            for text in things.iter().flat_map(|(what, value)| [what, value]) {
                hash.update(text.as_bytes());
                hash.update([0]);
            }
            hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        StateDigest(self.0.iter().map(|(part, things)| (part.clone(), hash(things))).collect())
    }

    /// Returns what is not as it was in `before`.
    pub fn changed_since(&self, before: &Self) -> Vec<Changed> {
        let parts: BTreeSet<&String> = self.0.keys().chain(before.0.keys()).collect();
        let none = BTreeMap::new();
        let mut changed = Vec::new();
        for part in parts {
            let (now, then) = (self.0.get(part).unwrap_or(&none), before.0.get(part).unwrap_or(&none));
            for what in now.keys().chain(then.keys()).collect::<BTreeSet<_>>() {
                if now.get(what) != then.get(what) {
                    let what_in_words = format!("{part}, {what}");
                    let (before, after) = (then.get(what).cloned(), now.get(what).cloned());
                    changed.push(Changed { what: what_in_words, before, after });
                }
            }
        }
        changed
    }
}

impl StateDigest {
    /// Returns the parts in which the other differs, for people: `roles`, `schema app`.
    pub fn parts_that_differ(&self, other: &Self) -> Vec<String> {
        let parts: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        parts.into_iter().filter(|part| self.0.get(*part) != other.0.get(*part)).cloned().collect()
    }
}

impl std::fmt::Display for Changed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let or = |value: &Option<String>, none: &str| value.clone().unwrap_or_else(|| none.to_owned());
        write!(f, "{}: {} -> {}", self.what, or(&self.before, "not there"), or(&self.after, "gone"))
    }
}

fn attributes(role: &Role) -> String {
    let mut text = words([
        (role.login, "login"),
        (role.superuser, "superuser"),
        (role.create_db, "createdb"),
        (role.create_role, "createrole"),
        (role.replication, "replication"),
        (role.bypass_rls, "bypassrls"),
        (role.inherit, "inherit"),
    ]);
    text += &format!("; connection limit {}", role.connection_limit);
    if let Some(until) = role.valid_until.as_ref().filter(|until| *until != "infinity") {
        text += &format!("; valid until {until}");
    }
    if let Some(comment) = &role.comment {
        text += &format!("; comment {comment:?}");
    }
    text
}

fn words<const N: usize>(options: [(bool, &str); N]) -> String {
    let chosen: Vec<&str> = options.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
    if chosen.is_empty() { "nothing".into() } else { chosen.join(", ") }
}

/// As the catalogs print it, but sorted: the order is that of the grants, and says nothing.
fn acl(live: &Live, acl: &Acl) -> String {
    let entry = |entry: &super::AclEntry| {
        let letter = |p: super::Privilege| {
            if entry.grantable.contains(p) { format!("{}*", p.letter()) } else { p.letter().to_string() }
        };
        let letters: String = entry.privileges.iter().map(letter).collect();
        let grantee = if entry.grantee == PUBLIC { String::new() } else { role(live, entry.grantee) };
        format!("{grantee}={letters}/{}", role(live, entry.grantor))
    };
    let mut entries: Vec<String> = acl.iter().map(entry).collect();
    entries.sort_unstable();
    entries.join(", ")
}

fn role(live: &Live, oid: Oid) -> String {
    name(&live.role_name(oid))
}

/// A name in quotes where it would be read as something else without.
fn name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.is_empty() && name.chars().all(plain) { name.to_owned() } else { format!("{name:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::{AclEntry, Database, DefaultAcl, Membership, Privilege, Server};

    fn role(oid: Oid, name: &str) -> (Oid, Role) {
        let role = Role {
            oid,
            name: name.into(),
            superuser: false,
            inherit: true,
            create_role: false,
            create_db: false,
            login: oid.is_multiple_of(2),
            replication: false,
            bypass_rls: false,
            connection_limit: -1,
            valid_until: None,
            password: crate::roles::Password::Unknown,
            comment: None,
        };
        (oid, role)
    }

    fn entry(grantee: Oid, grantor: Oid, privilege: Privilege) -> AclEntry {
        let privileges = [privilege].into_iter().collect();
        AclEntry { grantee, grantor, privileges, grantable: Default::default() }
    }

    fn object(kind: Kind, oid: Oid, schema: Option<&str>, name: &str, acl: Acl) -> Object {
        Object {
            kind,
            oid,
            schema: schema.map(str::to_owned),
            name: name.into(),
            arguments: None,
            owner: 20_000,
            acl,
            columns: vec![],
            extension: None,
            system: false,
            relation: None,
            routine: None,
        }
    }

    fn live() -> Live {
        let acl: Acl = [entry(20_002, 20_000, Privilege::Select), entry(PUBLIC, 20_000, Privilege::Insert)]
            .into_iter()
            .collect();
        Live {
            server: Server { version: 150_000, database: "uni".into(), ..Server::default() },
            roles: [role(20_000, "app_owner"), role(20_002, "app_user"), role(20_004, "Stran ger")].into(),
            memberships: vec![Membership {
                role: 20_000,
                member: 20_004,
                grantor: 10,
                admin: false,
                inherit: true,
                set: true,
            }],
            settings: vec![],
            databases: vec![Database {
                oid: 5,
                name: "uni".into(),
                owner: 20_000,
                acl: Acl::default(),
                connection_limit: 40,
                allows_connections: true,
                template: false,
                encoding: "UTF8".into(),
                collate: "C".into(),
                ctype: "C".into(),
            }],
            objects: vec![
                object(Kind::Database, 5, None, "uni", Acl::default()),
                object(Kind::Schema, 30, None, "app", Acl::default()),
                object(Kind::Table, 31, Some("app"), "students", acl),
                object(Kind::Table, 32, Some("other"), "t", Acl::default()),
            ],
            defaults: vec![DefaultAcl {
                creator: 20_000,
                schema: Some("app".into()),
                class: Class::Table,
                acl: [entry(20_002, 20_000, Privilege::Select)].into_iter().collect(),
            }],
            ..Live::default()
        }
    }

    fn reach() -> Reach {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Reach { roles: set(&["app_owner", "app_user"]), schemas: set(&["app"]), large_objects: false }
    }

    #[test]
    fn a_state_is_what_is_in_reach_in_words() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&State::of(&reach(), &live())).unwrap());
    }

    #[test]
    fn order_numbers_and_what_a_login_may_see_are_no_difference() {
        let mut other = live();
        let students = &mut other.objects[2];
        students.acl = students.acl.iter().rev().copied().collect();
        students.oid = 99;
        other.roles.get_mut(&20_002).unwrap().password = crate::roles::Password::Scram;
        other.defaults.push(DefaultAcl { acl: Acl::default(), ..other.defaults[0].clone() });
        other.defaults[1].class = Class::Sequence;
        let (before, after) = (State::of(&reach(), &live()), State::of(&reach(), &other));
        assert_eq!(before, after);
        assert_eq!(before.digest(), after.digest());
    }

    #[test]
    fn a_difference_has_its_place() {
        let mut other = live();
        other.objects[2].acl = Acl::default();
        other.roles.remove(&20_004);
        other.memberships.clear();
        let (before, after) = (State::of(&reach(), &live()), State::of(&reach(), &other));
        let changed: Vec<String> = after.changed_since(&before).iter().map(ToString::to_string).collect();
        assert_eq!(
            changed,
            [
                "memberships, \"Stran ger\" in app_owner: inherit, set -> gone",
                "schema app, table students: owner app_owner; =a/app_owner, app_user=r/app_owner -> owner app_owner; ",
            ]
        );
        assert_eq!(after.digest().parts_that_differ(&before.digest()), ["memberships", "schema app"]);
    }
}

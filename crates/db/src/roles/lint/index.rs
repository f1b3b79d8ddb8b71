//! What the rules ask again and again, looked up once.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::quote_ident;
use crate::roles::policy::RoleRule;
use crate::roles::{
    AclEntry, Class, Kind, Live, Mode, Object, Oid, PUBLIC, Policy, Privilege, Privileges, Role, Statement,
};

pub(super) struct Index<'a> {
    pub(super) live: &'a Live,
    pub(super) policy: Option<&'a Policy>,
    /// Of each role: whose rights it has without SET ROLE, its own too.
    rights: HashMap<Oid, HashSet<Oid>>,
    relations: HashMap<Oid, &'a Object>,
    schemas: HashMap<&'a str, &'a Object>,
    reads_all: Option<Oid>,
}

impl<'a> Index<'a> {
    pub(super) fn new(policy: Option<&'a Policy>, live: &'a Live) -> Self {
        let relations = live.objects.iter().filter(|object| object.kind.class() == Class::Table);
        let schemas = live.objects.iter().filter(|object| object.kind == Kind::Schema);
        Self {
            live,
            policy,
            rights: rights(live),
            relations: relations.map(|object| (object.oid, object)).collect(),
            schemas: schemas.map(|schema| (schema.name.as_str(), schema)).collect(),
            reads_all: live.role("pg_read_all_data").map(|role| role.oid),
        }
    }

    /// Returns a role's name for SQL.
    pub(super) fn sql_role(&self, role: Oid) -> String {
        if role == PUBLIC { "public".into() } else { quote_ident(&self.live.role_name(role)) }
    }

    pub(super) fn role(&self, oid: Oid) -> Option<&'a Role> {
        self.live.roles.get(&oid)
    }

    pub(super) fn is_superuser(&self, role: Oid) -> bool {
        self.role(role).is_some_and(|role| role.superuser)
    }

    /// Returns what the policy says of a role.
    pub(super) fn declared(&self, role: Oid) -> Option<&'a RoleRule> {
        self.policy?.roles.get(&self.role(role)?.name)
    }

    /// Returns the relation of a number.
    pub(super) fn relation(&self, oid: Oid) -> Option<&'a Object> {
        self.relations.get(&oid).copied()
    }

    pub(super) fn schema(&self, name: &str) -> Option<&'a Object> {
        self.schemas.get(name).copied()
    }

    /// Whether an object is somebody's, and not the server's or an extension's.
    pub(super) fn is_own(object: &Object) -> bool {
        !object.system && object.extension.is_none()
    }

    /// Whether the policy speaks for a schema; without a policy, all are looked at.
    pub(super) fn in_scope(&self, schema: &str) -> bool {
        self.policy.is_none_or(|policy| schema == "public" || policy.schemas.contains_key(schema))
    }

    /// Whether `roles plan` takes back what nobody declared in a schema.
    pub(super) fn is_planned(&self, schema: &str) -> bool {
        self.policy.is_some_and(|policy| {
            policy.scope.mode == Mode::Authoritative && policy.schemas.contains_key(schema)
        })
    }

    /// Whether the rights of `of` are a role's without SET ROLE.
    pub(super) fn has_rights_of(&self, role: Oid, of: Oid) -> bool {
        self.rights.get(&role).is_some_and(|rights| rights.contains(&of))
    }

    /// Whether a role is a member of another, with or without its rights.
    pub(super) fn is_member(&self, role: Oid, of: Oid) -> bool {
        let (mut seen, mut next) = (HashSet::from([role]), vec![role]);
        while let Some(member) = next.pop() {
            for membership in self.live.memberships.iter().filter(|m| m.member == member) {
                if seen.insert(membership.role) {
                    next.push(membership.role);
                }
            }
        }
        role != of && seen.contains(&of)
    }

    /// Whether a role (or everybody) has a privilege on the whole of an object, without SET ROLE.
    pub(super) fn may(&self, role: Oid, privilege: Privilege, object: &Object) -> bool {
        let has = |of: Oid| of == PUBLIC || self.has_rights_of(role, of);
        self.is_superuser(role)
            || role != PUBLIC && self.has_rights_of(role, object.owner)
            || object.acl.iter().any(|entry| entry.privileges.contains(privilege) && has(entry.grantee))
            || privilege == Privilege::Select
                && self.reads_all.is_some_and(|all| self.has_rights_of(role, all))
    }

    /// Whether row-level security of a table does not bind a role.
    pub(super) fn is_past_row_security(&self, role: Oid, table: &Object) -> bool {
        let forced = table.relation.as_ref().is_some_and(|relation| relation.forced);
        self.role(role).is_some_and(|role| role.superuser || role.bypass_rls)
            || !forced && self.has_rights_of(role, table.owner)
    }

    /// Returns who was granted one of these on an object, on all of it or a column, beside its owner and superusers.
    pub(super) fn grantees(&self, object: &Object, privileges: Privileges) -> BTreeSet<Oid> {
        let columns = object.columns.iter().filter_map(|column| column.acl.as_ref());
        let entries = object.acl.iter().chain(columns.flat_map(|acl| acl.iter()));
        entries
            .filter(|entry| !entry.privileges.intersection(privileges).is_empty())
            .map(|entry| entry.grantee)
            .filter(|grantee| *grantee != object.owner && !self.is_superuser(*grantee))
            .collect()
    }

    /// Returns what takes these privileges on an object back from everybody for whom `from` holds, by who gave them.
    pub(super) fn revokes(
        &self,
        object: &Object,
        privileges: Privileges,
        from: impl Fn(Oid) -> bool,
    ) -> Vec<Statement> {
        let (on, name) = (object.kind.class().keyword(), object.sql());
        let revoke = |entry: &AclEntry, columns: &str| {
            let found = entry.privileges.intersection(privileges);
            let words: Vec<String> = found.iter().map(|privilege| format!("{privilege}{columns}")).collect();
            let cascade = if entry.grantable.intersection(found).is_empty() { "" } else { " cascade" };
            let sql = format!(
                "revoke {} on {on} {name} from {}{cascade}",
                words.join(", "),
                self.sql_role(entry.grantee)
            );
            (from(entry.grantee) && !found.is_empty()).then(|| self.by(entry.grantor, sql))
        };
        let mut statements: Vec<Statement> =
            object.acl.iter().filter_map(|entry| revoke(entry, "")).collect();
        for column in &object.columns {
            let words = format!(" ({})", quote_ident(&column.name));
            statements.extend(column.acl.iter().flat_map(|acl| acl.iter()).filter_map(|e| revoke(e, &words)));
        }
        statements
    }

    /// Returns a statement a role says.
    pub(super) fn by(&self, role: Oid, sql: String) -> Statement {
        Statement { as_role: self.role(role).map(|role| role.name.clone()), sql }
    }

    /// Returns names of roles for people: `ann, PUBLIC`.
    pub(super) fn names(&self, roles: impl IntoIterator<Item = Oid>) -> String {
        some(roles.into_iter().map(|role| self.live.role_name(role)))
    }
}

/// A statement of the login.
pub(super) fn by_login(sql: String) -> Statement {
    Statement { as_role: None, sql }
}

/// How many things are named before it is only said how many more there are.
const NAMED: usize = 5;

/// Returns the first few, and how many more there are.
pub(super) fn some(names: impl IntoIterator<Item = String>) -> String {
    let names: Vec<String> = names.into_iter().collect();
    match names.len().checked_sub(NAMED) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..NAMED].join(", ")),
    }
}

/// Follows memberships whose rights are there without SET ROLE. Who owns the database has the rights of `pg_database_owner`.
fn rights(live: &Live) -> HashMap<Oid, HashSet<Oid>> {
    let mut direct: HashMap<Oid, Vec<Oid>> = HashMap::new();
    for membership in live.memberships.iter().filter(|membership| membership.inherit) {
        direct.entry(membership.member).or_default().push(membership.role);
    }
    if let (Some(database), Some(owners)) = (live.database(), live.role("pg_database_owner")) {
        direct.entry(database.owner).or_default().push(owners.oid);
    }
    let of = |role: Oid| {
        let (mut seen, mut next) = (HashSet::from([role]), vec![role]);
        while let Some(member) = next.pop() {
            for role in direct.get(&member).into_iter().flatten() {
                if seen.insert(*role) {
                    next.push(*role);
                }
            }
        }
        seen
    };
    live.roles.keys().map(|role| (*role, of(*role))).collect()
}

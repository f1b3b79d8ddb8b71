//! What a server says of its roles and of one database's privileges, as values: everything that is judged here is
//! judged from this alone, so it can be judged without a server, later, and in a test.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Acl, Class, Privileges};
use crate::quote_ident;

/// An object's number on its server.
pub type Oid = u32;

/// Everybody, as a grantee.
pub const PUBLIC: Oid = 0;

/// The superuser that initdb made.
pub const BOOTSTRAP: Oid = 10;

/// One look at a server and one of its databases.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Live {
    /// The server and who asks.
    pub server: Server,
    /// All roles, the predefined ones too.
    pub roles: BTreeMap<Oid, Role>,
    /// Who is a member of what.
    pub memberships: Vec<Membership>,
    /// What `ALTER ROLE … SET` and `ALTER DATABASE … SET` left, of all databases.
    pub settings: Vec<Setting>,
    /// All databases of the server.
    pub databases: Vec<Database>,
    /// What can be granted in this database, and the server's own: by class, schema, name.
    pub objects: Vec<Object>,
    /// Default privileges of this database.
    pub defaults: Vec<DefaultAcl>,
    /// Sequences that belong to a column (`serial`, identity) and the table it is of, whose owner is theirs.
    #[serde(default)]
    pub owned_sequences: BTreeMap<Oid, Oid>,
}

/// The server, and the login that asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// `server_version_num`.
    pub version: u32,
    /// Which cluster it is (`pg_control_system`); a physical copy has the same.
    pub system_identifier: i64,
    /// The database asked.
    pub database: String,
    /// The login (`session_user`).
    pub login: Oid,
    /// Whether it takes no changes: a standby, or a read-only default.
    pub in_recovery: bool,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its number.
    pub oid: Oid,
    /// Its name, unquoted.
    pub name: String,
    /// `SUPERUSER`
    pub superuser: bool,
    /// `INHERIT`; before 16 it decides for all memberships, from 16 on only for those to come.
    pub inherit: bool,
    /// `CREATEROLE`
    pub create_role: bool,
    /// `CREATEDB`
    pub create_db: bool,
    /// `LOGIN`
    pub login: bool,
    /// `REPLICATION`
    pub replication: bool,
    /// `BYPASSRLS`
    pub bypass_rls: bool,
    /// `CONNECTION LIMIT`; -1 is none.
    pub connection_limit: i32,
    /// Until when a password counts, as `YYYY-MM-DD HH:MM:SS+00` or `infinity`.
    pub valid_until: Option<String>,
    /// What kind of password it has, where the login may see it.
    pub password: Password,
    /// `COMMENT ON ROLE`
    pub comment: Option<String>,
}

impl Role {
    /// Whether the server made it (`pg_…`, or the one of initdb).
    pub fn is_predefined(&self) -> bool {
        self.oid < 16384
    }
}

/// What is known of a password. Never the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Password {
    /// The login may not read `pg_authid`.
    Unknown,
    /// There is none.
    None,
    /// A SCRAM-SHA-256 verifier.
    Scram,
    /// An md5 hash: whoever has it can log in with it.
    Md5,
}

/// A role in a role. The same two may stand there once for each grantor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Membership {
    /// The role that was granted.
    pub role: Oid,
    /// Who has it.
    pub member: Oid,
    /// Who gave it.
    pub grantor: Oid,
    /// `WITH ADMIN`: may give it on.
    pub admin: bool,
    /// Whether the member has its rights without SET ROLE. Before 16: what the member's `INHERIT` says.
    pub inherit: bool,
    /// Whether the member may SET ROLE to it. Before 16: always.
    pub set: bool,
}

/// A setting of a role, a database, or a role in a database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Setting {
    /// The role; [`PUBLIC`]: every role.
    pub role: Oid,
    /// The database; `None`: every database.
    pub database: Option<String>,
    /// The parameter.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Its number.
    pub oid: Oid,
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: Oid,
    /// Who may what.
    pub acl: Acl,
    /// `CONNECTION LIMIT`; -1 is none.
    pub connection_limit: i32,
    /// Whether it can be connected to.
    pub allows_connections: bool,
    /// Whether it is a template.
    pub template: bool,
    /// Its encoding, such as `UTF8`.
    pub encoding: String,
    /// `LC_COLLATE`
    pub collate: String,
    /// `LC_CTYPE`
    pub ctype: String,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is what it says")]
pub enum Kind {
    Database,
    Schema,
    Table,
    PartitionedTable,
    View,
    MaterializedView,
    ForeignTable,
    Sequence,
    Function,
    Procedure,
    Aggregate,
    Type,
    Domain,
    Language,
    ForeignDataWrapper,
    ForeignServer,
    Tablespace,
    LargeObject,
    Parameter,
}

impl Kind {
    /// Returns what GRANT calls it.
    pub fn class(self) -> Class {
        match self {
            Self::Database => Class::Database,
            Self::Schema => Class::Schema,
            Self::Table
            | Self::PartitionedTable
            | Self::View
            | Self::MaterializedView
            | Self::ForeignTable => Class::Table,
            Self::Sequence => Class::Sequence,
            Self::Function | Self::Procedure | Self::Aggregate => Class::Routine,
            Self::Type | Self::Domain => Class::Type,
            Self::Language => Class::Language,
            Self::ForeignDataWrapper => Class::ForeignDataWrapper,
            Self::ForeignServer => Class::ForeignServer,
            Self::Tablespace => Class::Tablespace,
            Self::LargeObject => Class::LargeObject,
            Self::Parameter => Class::Parameter,
        }
    }

    /// Returns the word ALTER … OWNER TO wants before the name, which is the kind for people, too.
    pub fn word(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Schema => "schema",
            Self::Table | Self::PartitionedTable => "table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::ForeignTable => "foreign table",
            Self::Sequence => "sequence",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Type => "type",
            Self::Domain => "domain",
            Self::Language => "language",
            Self::ForeignDataWrapper => "foreign data wrapper",
            Self::ForeignServer => "server",
            Self::Tablespace => "tablespace",
            Self::LargeObject => "large object",
            Self::Parameter => "parameter",
        }
    }
}

/// Something privileges are granted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Its number; unique only within its class.
    pub oid: Oid,
    /// Its schema; `None` for what has none.
    pub schema: Option<String>,
    /// Its own name, unquoted. A large object's is its number.
    pub name: String,
    /// A routine's argument types, as GRANT takes them: `integer, app.grade`.
    pub arguments: Option<String>,
    /// Its owner.
    pub owner: Oid,
    /// Who may what.
    pub acl: Acl,
    /// A relation's columns, in order; of system catalogs only where something was granted on one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// The extension it belongs to: its privileges are the extension's business.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// Whether it is PostgreSQL's own (`pg_…`, `information_schema`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub system: bool,
    /// What only relations have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Relation>,
    /// What only routines have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routine: Option<Routine>,
}

impl Object {
    /// Returns the name for SQL, quoted, without the word before it: `"app"."f"(integer)`.
    pub fn sql(&self) -> String {
        let name = match self.kind {
            Kind::LargeObject => self.name.clone(),
            Kind::Parameter => self.name.split('.').map(quote_ident).collect::<Vec<_>>().join("."),
            _ => quote_ident(&self.name),
        };
        let schema =
            self.schema.as_ref().map_or_else(String::new, |schema| format!("{}.", quote_ident(schema)));
        let arguments = self.arguments.as_ref().map_or_else(String::new, |types| format!("({types})"));
        format!("{schema}{name}{arguments}")
    }
}

/// For people: `app.students`, `app.f(integer)`, control characters escaped.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = self.schema.as_ref().map_or_else(String::new, |schema| format!("{schema}."));
        let arguments = self.arguments.as_ref().map_or_else(String::new, |types| format!("({types})"));
        for c in format!("{schema}{}{arguments}", self.name).chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        Ok(())
    }
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// `attnum`
    pub number: i16,
    /// Its name, unquoted.
    pub name: String,
    /// Who may what on this column alone; `None`: nothing was granted on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<Acl>,
}

/// What only relations have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// The table it is a partition of, directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_of: Option<Oid>,
    /// Whether row-level security is on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub row_security: bool,
    /// Whether it is on for the owner too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
    /// Its policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<RowPolicy>,
    /// A view that reads as whoever asks, instead of as its owner (15 and later).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub security_invoker: bool,
    /// A view whose conditions are asked before those of a query.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub security_barrier: bool,
    /// A view that leaves rows out by a condition, and does more than count and sum.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub filters_rows: bool,
    /// What a view or materialised view reads: relation and column number (0: the relation as a whole, or none of its columns).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<(Oid, i16)>,
    /// Routines a view calls, which who asks must be allowed to execute. Not those that are pinned (the server's own).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Oid>,
    /// What a view passes on to what it reads: of `insert`, `update`, `delete`.
    #[serde(default, skip_serializing_if = "Privileges::is_empty")]
    pub passes_on: Privileges,
    /// The tables it inherits from, other than as a partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inherits: Vec<Oid>,
}

/// A policy of row-level security.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowPolicy {
    /// Its name.
    pub name: String,
    /// For whom; [`PUBLIC`] is everybody.
    pub roles: Vec<Oid>,
    /// For which statement: `select`, `insert`, `update`, `delete`, `all`.
    pub command: String,
    /// Whether it allows (else it restricts what others allow).
    pub permissive: bool,
    /// `USING`, where the server words it.
    pub using: Option<String>,
    /// `WITH CHECK`
    pub check: Option<String>,
    /// Routines it calls, which who asks must be allowed to execute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Oid>,
    /// Other relations it reads, as who asks: relation and column number (0: the relation as a whole).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<(Oid, i16)>,
}

/// What only routines have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routine {
    /// `SECURITY DEFINER`: runs as its owner.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub definer: bool,
    /// The `search_path` it sets itself, as the catalog keeps it: names with commas in between, quoted where they must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_path: Option<String>,
    /// Whether a trigger can call it; nobody can otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trigger: bool,
}

/// Default privileges: what a new object of one creator begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultAcl {
    /// Who creates.
    pub creator: Oid,
    /// In which schema; `None`: everywhere. A schema's list is added to the one of everywhere, it cannot take away.
    pub schema: Option<String>,
    /// What.
    pub class: Class,
    /// The list: of everywhere the whole one, of a schema what is added.
    pub acl: Acl,
}

impl Live {
    /// Returns the role of this name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.values().find(|role| role.name == name)
    }

    /// Returns the name of a role for people: `PUBLIC`, or the number of one that was dropped.
    pub fn role_name(&self, oid: Oid) -> String {
        match self.roles.get(&oid) {
            Some(role) => role.name.clone(),
            None if oid == PUBLIC => "PUBLIC".into(),
            None => oid.to_string(),
        }
    }

    /// Returns the login that asked.
    pub fn login(&self) -> Option<&Role> {
        self.roles.get(&self.server.login)
    }

    /// Returns the database that was asked.
    pub fn database(&self) -> Option<&Database> {
        self.databases.iter().find(|database| database.name == self.server.database)
    }

    /// Returns the object of a class by its number.
    pub fn object(&self, class: Class, oid: Oid) -> Option<&Object> {
        self.objects.iter().find(|object| object.oid == oid && object.kind.class() == class)
    }
}

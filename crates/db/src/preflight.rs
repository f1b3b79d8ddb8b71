//! What a login will meet when it backs up a database, asked before anything is begun. Nothing is written.

mod content;
mod functions;
mod login;

use chrono::{DateTime, Utc};

use crate::catalog::DatabaseFacts;
use crate::selection::{Content, Scope};
use crate::standby::Conflicts;
use crate::{DbError, Session, TableName};

pub use content::{Contents, EventTrigger, Function};
pub use functions::Verdict;
pub use login::{BACKUP_LOGIN, backup_login_sql, grant_large_objects};

/// Why a table or sequence cannot be read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// No USAGE on its schema.
    Schema,
    /// No SELECT on it.
    Select,
    /// A row-level security policy would hide rows.
    Policy,
}

/// A table or sequence this login cannot read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name.
    pub name: TableName,
    /// Whether it is a sequence.
    pub sequence: bool,
    /// Why.
    pub obstacle: Obstacle,
}

/// An extension with its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Who the login is and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Its name.
    pub name: String,
    /// Whether it is a superuser.
    pub superuser: bool,
    /// Whether row-level security does not hold for it.
    pub bypasses_rls: bool,
    /// How many sessions it may have at once; -1 for no limit.
    pub connection_limit: i32,
    /// Whether it may read the password hashes of roles.
    pub reads_password_hashes: bool,
}

/// All that is known before a backup.
#[derive(Clone, Debug, PartialEq)]
pub struct Preflight {
    /// The database.
    pub database: DatabaseFacts,
    /// The login.
    pub login: Login,
    /// What it cannot read.
    pub unreadable: Vec<Unreadable>,
    /// The tables with row-level security.
    pub with_policies: Vec<TableName>,
    /// How many tables there are, partitioned parents among them: each takes a lock.
    pub tables: u64,
    /// The server's `max_locks_per_transaction`.
    pub locks_per_transaction: u64,
    /// How many sessions, workers and prepared transactions it counts as holders of locks.
    pub lock_holders: u64,
    /// How many sessions the server takes.
    pub connections: u64,
    /// How many large objects there are.
    pub large_objects: u64,
    /// How many of them the login cannot read.
    pub unreadable_large_objects: u64,
    /// The extensions of the database.
    pub extensions: Vec<Extension>,
    /// What of the database a backup does not hold, or cannot bring back.
    pub contents: Contents,
    /// What the server does about queries that are in replay's way, where it is a standby.
    pub standby: Option<Conflicts>,
    /// The server's data directory, where the login may know it.
    pub data_directory: Option<String>,
}

impl Preflight {
    /// Asks the server about the whole database.
    ///
    /// # Errors
    /// [`DbError::Query`].
    pub async fn load(session: &Session) -> Result<Self, DbError> {
        Self::load_selected(session, &Scope::default()).await
    }

    /// Asks the server about what `scope` does not leave out.
    ///
    /// # Errors
    /// [`DbError::Query`].
    pub async fn load_selected(session: &Session, scope: &Scope) -> Result<Self, DbError> {
        let doing = || DbError::doing("ask what this login may do");
        let sql = include_str!("../../../sql/preflight/server.sql");
        let server = session.query_one(sql, &[]).await.map_err(doing())?;
        let sql = match server.get("tells_large_objects") {
            true => include_str!("../../../sql/preflight/large_objects.sql"),
            false => include_str!("../../../sql/preflight/large_objects_17.sql"),
        };
        let large_objects = session.query_one(sql, &[]).await.map_err(doing())?;
        let sql = include_str!("../../../sql/preflight/tables.sql");
        let tables = session.query_one(sql, &[]).await.map_err(doing())?;
        let large_objects = match scope.content() {
            Content::Schema => (0, 0),
            Content::All | Content::Data => (large_objects.get("objects"), large_objects.get("unreadable")),
        };
        let database = DatabaseFacts::load(session).await?;
        let standby = match database.standby {
            true => Some(Conflicts::load(session).await?),
            false => None,
        };
        Ok(Self {
            database,
            standby,
            login: Login {
                name: server.get("login"),
                superuser: server.get("superuser"),
                bypasses_rls: server.get("bypasses_rls"),
                connection_limit: server.get("connection_limit"),
                reads_password_hashes: server.get("reads_password_hashes"),
            },
            unreadable: unreadable(session, scope).await?,
            with_policies: with_policies(session, scope).await?,
            tables: natural(tables.get("tables")).saturating_sub(scope.count_tables()),
            locks_per_transaction: natural(server.get("locks_per_transaction")),
            lock_holders: natural(server.get::<_, Option<i64>>("lock_holders").unwrap_or(0)),
            connections: natural(server.get::<_, Option<i64>>("connections").unwrap_or(0)),
            large_objects: natural(large_objects.0),
            unreadable_large_objects: natural(large_objects.1),
            extensions: extensions(session).await?,
            contents: Contents::load(session, scope).await?,
            data_directory: server.get("data_directory"),
        })
    }
}

impl Preflight {
    /// Returns how many locks fit into the server's lock table, which everybody shares.
    pub fn lock_capacity(&self) -> u64 {
        self.locks_per_transaction * self.lock_holders
    }
}

/// Returns the server's time.
///
/// # Errors
/// [`DbError::Query`].
pub async fn server_time(session: &Session) -> Result<DateTime<Utc>, DbError> {
    let sql = include_str!("../../../sql/preflight/clock.sql");
    Ok(session.query_one(sql, &[]).await.map_err(DbError::doing("read the server's clock"))?.get("now"))
}

/// Returns the extensions the session's server could create, with the versions they would get.
///
/// # Errors
/// [`DbError::Query`].
pub async fn available_extensions(session: &Session) -> Result<Vec<Extension>, DbError> {
    let sql = include_str!("../../../sql/preflight/available_extensions.sql");
    list_extensions(session, sql, "list the extensions that are installed").await
}

async fn extensions(session: &Session) -> Result<Vec<Extension>, DbError> {
    let sql = include_str!("../../../sql/preflight/extensions.sql");
    list_extensions(session, sql, "list the extensions").await
}

async fn list_extensions(session: &Session, sql: &str, doing: &str) -> Result<Vec<Extension>, DbError> {
    let rows = session.query(sql, &[]).await.map_err(DbError::doing(doing))?;
    Ok(rows.iter().map(|row| Extension { name: row.get("name"), version: row.get("version") }).collect())
}

async fn unreadable(session: &Session, scope: &Scope) -> Result<Vec<Unreadable>, DbError> {
    let sql = include_str!("../../../sql/preflight/unreadable.sql");
    let rows = session.query(sql, &[]).await.map_err(DbError::doing("ask which tables can be read"))?;
    let takes = scope.by_name();
    let one = |row: &tokio_postgres::Row| Unreadable {
        name: TableName::new(row.get::<_, String>("schema"), row.get::<_, String>("name")),
        sequence: row.get("sequence"),
        obstacle: match row.get("reason") {
            "schema" => Obstacle::Schema,
            "select" => Obstacle::Select,
            _ => Obstacle::Policy,
        },
    };
    Ok(rows.iter().map(one).filter(|object| takes(&object.name)).collect())
}

async fn with_policies(session: &Session, scope: &Scope) -> Result<Vec<TableName>, DbError> {
    let sql = include_str!("../../../sql/preflight/policies.sql");
    let rows = session.query(sql, &[]).await.map_err(DbError::doing("list row-level security"))?;
    let takes = scope.by_name();
    let name = |row: &tokio_postgres::Row| {
        TableName::new(row.get::<_, String>("schema"), row.get::<_, String>("name"))
    };
    Ok(rows.iter().map(name).filter(|name| takes(name)).collect())
}

fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

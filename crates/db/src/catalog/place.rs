//! What a restore needs to know of the server it restores into, and how a restored database takes its name.

use std::collections::{BTreeMap, BTreeSet};

use crate::{DbError, Session, TableName, quote_ident};

/// A server, as the login sees it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The login.
    pub login: String,
    /// Whether it is a superuser.
    pub superuser: bool,
    /// Whether it may create databases.
    pub create_databases: bool,
    /// Whether it may create roles.
    pub create_roles: bool,
    /// The server's version for people.
    pub version: String,
    /// The server's version as a number, such as 150018.
    pub version_num: u32,
    /// The roles there are, and whether the login may act as each.
    pub roles: BTreeMap<String, bool>,
    /// The tablespaces there are.
    pub tablespaces: BTreeSet<String>,
    /// The databases there are.
    pub databases: BTreeSet<String>,
}

impl Place {
    /// Reads what there is.
    ///
    /// # Errors
    /// [`DbError::Query`].
    pub async fn load(session: &Session) -> Result<Self, DbError> {
        let sql = include_str!("../../../../sql/restore/server.sql");
        let server = session.query_one(sql, &[]).await.map_err(session.doing("look up the login"))?;
        let sql = include_str!("../../../../sql/restore/roles.sql");
        let roles = session.query(sql, &[]).await.map_err(session.doing("list the roles"))?;
        let sql = include_str!("../../../../sql/restore/tablespaces.sql");
        let tablespaces = session.query(sql, &[]).await.map_err(session.doing("list the tablespaces"))?;
        let sql = include_str!("../../../../sql/restore/databases.sql");
        let databases = session.query(sql, &[]).await.map_err(session.doing("list the databases"))?;
        Ok(Self {
            login: server.get("login"),
            superuser: server.get("superuser"),
            create_databases: server.get("create_databases"),
            create_roles: server.get("create_roles"),
            version: server.get("version"),
            version_num: u32::try_from(server.get::<_, i32>("version_num")).unwrap_or(0),
            roles: roles.iter().map(|row| (row.get("name"), row.get("member"))).collect(),
            tablespaces: tablespaces.iter().map(|row| row.get("name")).collect(),
            databases: databases.iter().map(|row| row.get("name")).collect(),
        })
    }

    /// Returns the server's major version.
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }
}

/// A database that has the name a restored one is to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namesake {
    /// Its owner.
    pub owner: String,
    /// Whether anybody can connect to it.
    pub connectable: bool,
    /// How many sessions of others use it.
    pub sessions: u64,
}

/// Returns the database called `name`, if there is one.
///
/// # Errors
/// [`DbError::Query`].
pub async fn namesake(session: &Session, name: &str) -> Result<Option<Namesake>, DbError> {
    let sql = include_str!("../../../../sql/restore/database.sql");
    let row = session
        .query_opt(sql, &[&name])
        .await
        .map_err(session.doing(format!("look up the database {name}")))?;
    Ok(row.map(|row| Namesake {
        owner: row.get("owner"),
        connectable: row.get("connectable"),
        sessions: u64::try_from(row.get::<_, i64>("sessions")).unwrap_or(0),
    }))
}

/// Counts what the session's database holds that a fresh one does not.
///
/// # Errors
/// [`DbError::Query`].
pub async fn count_user_objects(session: &Session) -> Result<u64, DbError> {
    let sql = include_str!("../../../../sql/restore/user_objects.sql");
    let row = session.query_one(sql, &[]).await.map_err(session.doing("count the database's objects"))?;
    Ok(u64::try_from(row.get::<_, i64>("objects")).unwrap_or(0))
}

/// Gives the database `from` the name `to`; what had that name is called `aside` from then on. Both or neither. The session
/// must be connected to another database.
///
/// # Errors
/// [`DbError::Query`]; its SQLSTATE is `object_in_use` while sessions use one of them.
pub async fn rename(session: &Session, from: &str, to: &str, aside: Option<&str>) -> Result<(), DbError> {
    let (from, to) = (quote_ident(from), quote_ident(to));
    let mut sql = String::from("begin;");
    if let Some(aside) = aside {
        sql.push_str(&format!("alter database {to} rename to {};", quote_ident(aside)));
    }
    sql.push_str(&format!("alter database {from} rename to {to};commit"));
    let renamed =
        session.batch_execute(&sql).await.map_err(session.doing(format!("rename a database to {to}")));
    if renamed.is_err() {
        // the error to report is the one that came first; a session that is gone has rolled back already
        let _ = session.batch_execute("rollback").await;
    }
    renamed
}

/// Lets nobody new into a database, and ends the sessions of others that use it; or lets everybody in again.
///
/// # Errors
/// [`DbError::Query`].
pub async fn set_connectable(session: &Session, name: &str, connectable: bool) -> Result<(), DbError> {
    let sql = format!("alter database {} with allow_connections {connectable}", quote_ident(name));
    let doing = || session.doing(format!("close or open the database {name}"));
    session.batch_execute(&sql).await.map_err(doing())?;
    if !connectable {
        let sql = include_str!("../../../../sql/restore/end_sessions.sql");
        session.query(sql, &[&name]).await.map_err(doing())?;
    }
    Ok(())
}

/// Drops a database and whoever still uses it.
///
/// # Errors
/// [`DbError::Query`].
pub async fn drop_database(session: &Session, name: &str) -> Result<(), DbError> {
    let sql = format!("drop database if exists {} with (force)", quote_ident(name));
    session.batch_execute(&sql).await.map_err(session.doing(format!("drop the database {name}")))
}

/// What stands where a table is to be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// Nothing.
    Free,
    /// A table without rows.
    Empty,
    /// A partitioned table.
    Partitioned,
    /// A table with rows, or something that is no table.
    Taken,
}

/// Returns what stands under a table's name.
///
/// # Errors
/// [`DbError::Query`].
pub async fn spot(session: &Session, table: &TableName) -> Result<Spot, DbError> {
    let doing = || session.doing(format!("look up {table}"));
    let sql = include_str!("../../../../sql/restore/table.sql");
    let row = session.query_opt(sql, &[&table.schema, &table.name]).await.map_err(doing())?;
    match row.map(|row| row.get::<_, String>("kind")).as_deref() {
        None => Ok(Spot::Free),
        Some("r") => {
            let sql = format!("select exists (select from only {}) as rows", table.quoted());
            let row = session.query_one(&sql, &[]).await.map_err(doing())?;
            Ok(if row.get("rows") { Spot::Taken } else { Spot::Empty })
        }
        Some("p") => Ok(Spot::Partitioned),
        Some(_) => Ok(Spot::Taken),
    }
}

/// Returns the sequences that a table's columns own.
///
/// # Errors
/// [`DbError::Query`].
pub async fn owned_sequences(session: &Session, table: &TableName) -> Result<Vec<TableName>, DbError> {
    let sql = include_str!("../../../../sql/restore/owned_sequences.sql");
    let rows = session.query(sql, &[&table.schema, &table.name]).await;
    let rows = rows.map_err(session.doing(format!("look up the sequences of {table}")))?;
    let name = |row: &tokio_postgres::Row| {
        TableName::new(row.get::<_, String>("schema"), row.get::<_, String>("name"))
    };
    Ok(rows.iter().map(name).collect())
}

/// Whether there is a schema of this name.
///
/// # Errors
/// [`DbError::Query`].
pub async fn schema_exists(session: &Session, name: &str) -> Result<bool, DbError> {
    let sql = include_str!("../../../../sql/restore/schema.sql");
    let row = session.query_one(sql, &[&name]).await.map_err(session.doing("look up a schema"))?;
    Ok(row.get("there"))
}

//! One moment of a database, shared by several sessions.
//!
//! The order of steps is what makes it safe. The tables are listed in a transaction of their own; then a REPEATABLE READ
//! transaction locks them *before* its first query, because that query takes the snapshot: a snapshot taken before the lock
//! could see a table as empty that a TRUNCATE emptied while the lock was waited for. The tables are listed again under the
//! snapshot; when the list differs, it starts over.

use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;
use tokio_postgres::error::SqlState;

use crate::catalog::{Table, list_tables};
use crate::connect::Retries;
use crate::selection::{Scope, Selection, SelectionError, resolve};
use crate::{DbError, Session, TableName, Target};

/// How patient a snapshot is.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotOptions {
    /// How long to wait for the locks before letting go, so that DDL queued behind us is not held up.
    pub lock_timeout: Duration,
    /// How often to try.
    pub attempts: u32,
}

/// No snapshot could be taken.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// Talking to the server failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Tables stayed locked by others, or changed under every attempt.
    #[error("could not lock all tables at one moment in {attempts} attempts")]
    Contended {
        /// How often it was tried.
        attempts: u32,
        /// What the last attempt met.
        source: Option<DbError>,
    },
    /// The database does not allow what was selected.
    #[error(transparent)]
    Selection(SelectionError),
    /// The connection goes through a pooler that gives sessions other server connections between transactions.
    #[error(
        "the connection to {target} goes through a transaction pooler: sessions do not keep their server connection"
    )]
    Pooler {
        /// Where to, without the password.
        target: String,
    },
}

impl From<SelectionError> for SnapshotError {
    fn from(error: SelectionError) -> Self {
        match error {
            SelectionError::Db(error) => Self::Db(error),
            other => Self::Selection(other),
        }
    }
}

/// The session that holds the moment: its transaction keeps the snapshot and the locks until it is dropped.
pub struct Coordinator {
    session: Session,
    snapshot: String,
    moment: DateTime<Utc>,
    lsn: String,
    tables: Vec<Table>,
    scope: Scope,
}

/// Another session that reads the same moment.
pub struct Worker {
    /// The session.
    pub session: Session,
    /// Its process on the server.
    pub pid: i32,
}

impl Coordinator {
    /// Takes the moment: locks every table in ACCESS SHARE and exports the snapshot.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub async fn begin(target: &Target, options: SnapshotOptions) -> Result<Self, SnapshotError> {
        Self::begin_selected(target, options, &Selection::default()).await
    }

    /// As [`Coordinator::begin`], for the tables of a selection alone: the others are neither locked nor read.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub async fn begin_selected(
        target: &Target,
        options: SnapshotOptions,
        selection: &Selection,
    ) -> Result<Self, SnapshotError> {
        refuse_pooler(target).await?;
        let mut last = None;
        for attempt in 0..options.attempts.max(1) {
            if attempt > 0 {
                // what held the locks gets time to finish
                tokio::time::sleep(Duration::from_millis(250 * u64::from(attempt))).await;
            }
            match Self::attempt(target, options.lock_timeout, selection).await {
                Ok(Some(coordinator)) => return Ok(coordinator),
                Ok(None) => last = None,
                Err(SnapshotError::Db(error)) if passes(&error) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(SnapshotError::Contended { attempts: options.attempts.max(1), source: last })
    }

    /// Tries once; `None` when the tables changed between the two lists.
    async fn attempt(
        target: &Target,
        lock_timeout: Duration,
        selection: &Selection,
    ) -> Result<Option<Self>, SnapshotError> {
        let session = Session::open(target).await?;
        session.set_pinned().await?;
        let scope = resolve(&session, selection).await?;
        let mut before = list_identities(&session).await?;
        before.retain(|table| scope.takes(table.oid));
        begin_read_only(&session).await?;
        lock(&session, before.iter().map(|table| &table.name), Lock::Within(lock_timeout)).await?;
        let sql = include_str!("../../../sql/snapshot/export.sql");
        let row = session.query_one(sql, &[]).await.map_err(DbError::doing("export the snapshot"))?;
        let mut tables = list_tables(&session).await?;
        tables.retain(|table| scope.takes(table.oid));
        if before != identities(&tables) || scope != resolve(&session, selection).await? {
            return Ok(None);
        }
        let snapshot = row.get("snapshot");
        let (moment, lsn) = (row.get("moment"), row.get("lsn"));
        Ok(Some(Self { session, snapshot, moment, lsn, tables, scope }))
    }

    /// Opens another session that reads the same moment, with locks of its own on `tables`.
    ///
    /// The locks are taken at once or not at all: behind DDL that waits for the coordinator's locks, a worker would wait for
    /// ever, and the server cannot see that deadlock. A server that cannot be reached is tried again as `retries` says.
    ///
    /// # Errors
    /// [`DbError`]; its SQLSTATE is `lock_not_available` when DDL is queued.
    pub async fn worker(&self, tables: &[Table], retries: &Retries<'_>) -> Result<Worker, DbError> {
        let session = Session::open_patiently(self.target(), retries).await?;
        let row = session.query_one("select pg_catalog.pg_backend_pid()", &[]).await;
        let pid = row.map_err(session.doing("ask for the session's process"))?.get(0);
        session.set_pinned().await?;
        begin_read_only(&session).await?;
        let sql = format!("set transaction snapshot {}", crate::quote_literal(&self.snapshot));
        session.batch_execute(&sql).await.map_err(DbError::doing("import the snapshot"))?;
        lock(&session, tables.iter().map(|table| &table.name), Lock::AtOnce).await?;
        Ok(Worker { session, pid })
    }

    /// Returns the session that holds the moment, for short queries; a long one would delay noticing that it is lost.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the one server that answered: whoever reads the same moment must meet the same one.
    pub fn target(&self) -> &Target {
        self.session.target()
    }

    /// Returns the snapshot's name, as `pg_dump --snapshot` takes it.
    pub fn snapshot(&self) -> &str {
        &self.snapshot
    }

    /// Returns the server's time just before the snapshot was taken.
    pub fn moment(&self) -> DateTime<Utc> {
        self.moment
    }

    /// Returns the write-ahead log's position at about that time, for people; it is no recovery target.
    pub fn lsn(&self) -> &str {
        &self.lsn
    }

    /// Returns the tables that were selected, partitioned parents among them.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Returns what the selection leaves out.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}

/// Whether an error may go away by itself: a lock not got in time, a table dropped while it was waited for.
fn passes(error: &DbError) -> bool {
    let passing = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::UNDEFINED_TABLE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::INVALID_SCHEMA_NAME,
    ];
    error.sqlstate().is_some_and(|state| passing.contains(state))
}

/// What of a table must not have changed while its lock was waited for.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    oid: u32,
    name: TableName,
    columns: Vec<String>,
}

async fn list_identities(session: &Session) -> Result<Vec<Identity>, DbError> {
    let sql = include_str!("../../../sql/snapshot/tables.sql");
    let rows = session.query(sql, &[]).await.map_err(DbError::doing("list the tables"))?;
    let identity = |row: &tokio_postgres::Row| Identity {
        oid: row.get("oid"),
        name: TableName::new(row.get::<_, String>("schema"), row.get::<_, String>("name")),
        columns: row.get("columns"),
    };
    Ok(rows.iter().map(identity).collect())
}

fn identities(tables: &[Table]) -> Vec<Identity> {
    let identity =
        |table: &Table| Identity { oid: table.oid, name: table.name.clone(), columns: table.columns.clone() };
    tables.iter().map(identity).collect()
}

async fn begin_read_only(session: &Session) -> Result<(), DbError> {
    let sql = "begin transaction isolation level repeatable read, read only";
    session.batch_execute(sql).await.map_err(DbError::doing("begin a read-only transaction"))
}

/// How long to wait for locks.
enum Lock {
    Within(Duration),
    AtOnce,
}

/// Locks tables in ACCESS SHARE, in statements of at most a thousand names.
async fn lock<'t>(
    session: &Session,
    tables: impl Iterator<Item = &'t TableName>,
    patience: Lock,
) -> Result<(), DbError> {
    let (timeout, nowait) = match patience {
        Lock::Within(timeout) => (timeout.as_millis().max(1), ""),
        Lock::AtOnce => (0, " nowait"),
    };
    let mut sql = format!("set local lock_timeout = {timeout};");
    let names: Vec<String> = tables.map(TableName::quoted).collect();
    for chunk in names.chunks(1000) {
        let names = chunk.join(", only ");
        sql.push_str(&format!("lock table only {names} in access share mode{nowait};"));
    }
    sql.push_str("set local lock_timeout = 0");
    session.batch_execute(&sql).await.map_err(DbError::doing("lock the tables (ACCESS SHARE)"))
}

/// Tries what a backup needs of a connection: sessions that keep their server connection, and two that see one moment. No table
/// is locked.
///
/// # Errors
/// [`SnapshotError::Pooler`], [`SnapshotError::Db`].
pub async fn try_sharing(target: &Target) -> Result<(), SnapshotError> {
    refuse_pooler(target).await?;
    let holder = Session::open(target).await?;
    begin_read_only(&holder).await?;
    let sql = include_str!("../../../sql/snapshot/export.sql");
    let row = holder.query_one(sql, &[]).await.map_err(DbError::doing("export the snapshot"))?;
    let sharer = Session::open(holder.target()).await?;
    begin_read_only(&sharer).await?;
    let sql = format!("set transaction snapshot {}", crate::quote_literal(row.get("snapshot")));
    sharer.batch_execute(&sql).await.map_err(DbError::doing("import the snapshot"))?;
    holder.close().await;
    sharer.close().await;
    Ok(())
}

/// Two sessions each leave a mark in their session state; one that reads another's, or none, is not alone on its server
/// connection.
pub(crate) async fn refuse_pooler(target: &Target) -> Result<(), SnapshotError> {
    let (first, second) = (Session::open(target).await?, Session::open(target).await?);
    let doing = || DbError::doing("look for a connection pooler");
    for (session, mark) in [(&first, "first"), (&second, "second")] {
        let sql = format!("select pg_catalog.set_config('unisys_dba.session', '{mark}', false)");
        session.query_one(&sql, &[]).await.map_err(doing())?;
    }
    let sql = "select pg_catalog.current_setting('unisys_dba.session', true)";
    let mark: Option<String> = first.query_one(sql, &[]).await.map_err(doing())?.get(0);
    if mark.as_deref() == Some("first") {
        Ok(())
    } else {
        Err(SnapshotError::Pooler { target: target.to_string() })
    }
}

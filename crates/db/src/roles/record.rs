//! `ops.role_changes`: every change of roles and privileges, with what takes it back, written in the transaction that makes it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::{Change, Reach, RolesError, State};
use crate::migrate::Keeper;
use crate::{DbError, Session, quote_ident};

/// What a change was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// `roles apply`
    Apply,
    /// `roles undo`
    Undo,
    /// The end of a role.
    Retire,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Undo => "undo",
            Self::Retire => "retire",
        }
    }
}

/// A recorded change, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordEntry {
    /// Its number.
    pub id: i64,
    /// `apply`, `undo` or `retire`.
    pub action: String,
    /// `done`; `begun` is a retirement whose run ended before it did.
    pub outcome: String,
    /// Which change it took back.
    pub undoes: Option<i64>,
    /// Which change took it back.
    pub undone_by: Option<i64>,
    /// When, in UTC (ISO 8601).
    pub at: String,
    /// The login.
    pub login: String,
    /// The machine, as it calls itself.
    pub host: Option<String>,
    /// The program and its version.
    pub tool: String,
    /// SHA-256 of the policy's file.
    pub policy: Option<String>,
    /// How many statements.
    pub statements: i64,
}

/// A record to be written.
pub(crate) struct NewRecord<'a> {
    pub(crate) action: Action,
    pub(crate) undoes: Option<i64>,
    pub(crate) policy: Option<&'a str>,
    pub(crate) changes: &'a [Change],
    /// What it is about, how that was before, and after; a retirement is not about one database.
    pub(crate) states: Option<(&'a Reach, &'a State, &'a State)>,
    pub(crate) tool: &'a str,
    pub(crate) host: &'a str,
}

/// A record that is read to be taken back.
pub(crate) struct Record {
    pub(crate) action: String,
    pub(crate) changes: Vec<Change>,
    pub(crate) states: Option<(Reach, State, State)>,
}

fn failed(doing: &'static str) -> impl FnOnce(tokio_postgres::Error) -> RolesError {
    move |source| RolesError::Record { doing, source: source.into() }
}

/// Makes schema and table where they are missing, in the transaction that is open. Returns whether it made something.
pub(crate) async fn ensure(session: &Session) -> Result<bool, RolesError> {
    if exists(session).await? {
        return Ok(false);
    }
    let create = include_str!("../../../../sql/roles/create_record.sql");
    let schema = if Keeper::find(session).await?.owner().is_none() { "create schema ops;\n" } else { "" };
    session.batch_execute(schema).await.map_err(failed("make schema ops"))?;
    let keeper = Keeper::find(session).await?;
    let create = format!("{};\n{create};\nset local role none", keeper.set_local_role());
    session.batch_execute(&create).await.map_err(failed("make ops.role_changes"))?;
    Ok(true)
}

pub(crate) async fn exists(session: &Session) -> Result<bool, DbError> {
    let query = include_str!("../../../../sql/roles/record_exists.sql");
    Ok(session
        .query_one(query, &[])
        .await
        .map_err(session.doing("look for ops.role_changes"))?
        .get("present"))
}

impl NewRecord<'_> {
    /// Writes it, in the transaction that is open. Returns its number.
    pub(crate) async fn write(&self, session: &Session) -> Result<i64, RolesError> {
        let outcome = if self.action == Action::Retire { "begun" } else { "done" };
        let host = (!self.host.is_empty()).then_some(self.host);
        let (reach, before, after) = match self.states {
            Some((reach, before, after)) => (Some(Json(reach)), Some(Json(before)), Some(Json(after))),
            None => (None, None, None),
        };
        as_keeper(session).await?;
        let row = session
            .query_one(
                include_str!("../../../../sql/roles/record_add.sql"),
                &[
                    &self.action.word(),
                    &outcome,
                    &self.undoes,
                    &host,
                    &self.tool,
                    &self.policy,
                    &Json(self.changes),
                    &reach,
                    &before,
                    &after,
                ],
            )
            .await
            .map_err(failed("write into ops.role_changes"))?;
        session.batch_execute("set local role none").await.map_err(failed("write into ops.role_changes"))?;
        Ok(row.get("id"))
    }
}

/// Says that a retirement is done, in the transaction that is open.
pub(crate) async fn finish(session: &Session, id: i64) -> Result<(), RolesError> {
    as_keeper(session).await?;
    let query = include_str!("../../../../sql/roles/record_finish.sql");
    session.execute(query, &[&id]).await.map_err(failed("write into ops.role_changes"))?;
    session.batch_execute("set local role none").await.map_err(failed("write into ops.role_changes"))
}

/// Returns whether a record was committed.
pub(crate) async fn is_there(session: &Session, id: i64) -> Result<bool, RolesError> {
    let query = include_str!("../../../../sql/roles/record_is.sql");
    let rows = read(session, query, Some(id)).await?;
    Ok(rows.first().is_some_and(|row| row.get("present")))
}

/// Returns the recorded changes of this database, the newest first; none where nothing was ever recorded.
///
/// # Errors
/// The login may not read them.
pub async fn records(session: &Session) -> Result<Vec<RecordEntry>, RolesError> {
    if !exists(session).await? {
        return Ok(Vec::new());
    }
    let rows = read(session, include_str!("../../../../sql/roles/record_list.sql"), None).await?;
    let entry = |row: &Row| RecordEntry {
        id: row.get("id"),
        action: row.get("action"),
        outcome: row.get("outcome"),
        undoes: row.get("undoes"),
        undone_by: row.get("undone_by"),
        at: row.get("at"),
        login: row.get("login"),
        host: row.get("host"),
        tool: row.get("tool"),
        policy: row.get("policy_sha256"),
        statements: row.get("statements"),
    };
    Ok(rows.iter().map(entry).collect())
}

/// Returns a record, where there is one of this number.
pub(crate) async fn find(session: &Session, id: i64) -> Result<Option<Record>, RolesError> {
    if !exists(session).await? {
        return Ok(None);
    }
    let rows = read(session, include_str!("../../../../sql/roles/record_show.sql"), Some(id)).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let states = match (json(row, "reach")?, json(row, "state_before")?, json(row, "state_after")?) {
        (Some(reach), Some(before), Some(after)) => Some((reach, before, after)),
        _ => None,
    };
    Ok(Some(Record { action: row.get("action"), changes: json(row, "changes")?.unwrap_or_default(), states }))
}

/// Reads in a transaction of its own, as the keeper where the login may become that.
async fn read(session: &Session, query: &str, id: Option<i64>) -> Result<Vec<Row>, RolesError> {
    let keeper = Keeper::find(session).await?;
    let doing = || failed("read ops.role_changes");
    keeper.begin(session).await.map_err(doing())?;
    let rows = match id {
        Some(id) => session.query(query, &[&id]).await,
        None => session.query(query, &[]).await,
    };
    session.batch_execute("rollback").await.map_err(doing())?;
    rows.map_err(doing())
}

async fn as_keeper(session: &Session) -> Result<(), RolesError> {
    let role = Keeper::find(session).await?.set_local_role();
    session.batch_execute(&role).await.map_err(failed("write into ops.role_changes"))
}

fn json<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<Option<T>, DbError> {
    let read = row.try_get::<_, Option<Json<T>>>(column);
    let json =
        read.map_err(|source| DbError::doing(format!("make sense of {column} in ops.role_changes"))(source))?;
    Ok(json.map(|Json(value)| value))
}

/// Returns a statement as it is run: who says it first, where that is not the login.
pub(crate) fn as_role(role: Option<&str>, sql: &str) -> String {
    match role {
        Some(role) => format!("set local role {};\n{sql};\nset local role none", quote_ident(role)),
        None => sql.to_owned(),
    }
}

//! What of a database a backup does not hold, holds with a condition, or cannot bring back.

use std::collections::BTreeSet;

use super::functions::{Verdict, verdicts};
use crate::selection::Scope;
use crate::{DbError, Session, TableName};

/// A function that runs while a backup is restored, when no schema is searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: TableName,
    /// Its arguments, as `alter function` takes them.
    pub arguments: String,
    /// Its text.
    pub body: String,
    /// What runs it, for people: `index app.i`.
    pub used_by: String,
    /// What the server says of it when no schema is searched.
    pub verdict: Verdict,
}

/// An event trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTrigger {
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: String,
    /// Whether the owner is a superuser.
    pub superuser: bool,
}

/// What a backup of a database is to know of its content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Foreign tables: their rows are kept elsewhere.
    pub foreign: Vec<TableName>,
    /// Unlogged tables: a crash of the source empties them, and a standby has none of their rows.
    pub unlogged: Vec<TableName>,
    /// Materialised views that were never filled.
    pub unpopulated: Vec<TableName>,
    /// Tables with rows that their extension does not mark for dumps, with the extension.
    pub extension_rows: Vec<(TableName, String)>,
    /// Subscriptions.
    pub subscriptions: Vec<String>,
    /// Event triggers.
    pub event_triggers: Vec<EventTrigger>,
    /// Functions that run during a restore and have no `search_path` of their own.
    pub functions: Vec<Function>,
    /// The names that only a `search_path` leads to; read where there is such a function.
    pub names: BTreeSet<String>,
}

impl Contents {
    /// Reads them, without what `scope` leaves out.
    pub(super) async fn load(session: &Session, scope: &Scope) -> Result<Self, DbError> {
        let mut contents = Self::default();
        let takes = scope.by_name();
        let sql = include_str!("../../../../sql/lint/relations.sql");
        for row in session.query(sql, &[]).await.map_err(doing())? {
            let name = name(&row);
            if !takes(&name) {
                continue;
            }
            match row.get("why") {
                "foreign" => contents.foreign.push(name),
                "unlogged" => contents.unlogged.push(name),
                _ => contents.unpopulated.push(name),
            }
        }
        let sql = include_str!("../../../../sql/lint/extension_tables.sql");
        let rows = session.query(sql, &[]).await.map_err(doing())?;
        contents.extension_rows = rows.iter().map(|row| (name(row), row.get("extension"))).collect();
        let sql = include_str!("../../../../sql/lint/functions.sql");
        let rows = session.query(sql, &[]).await.map_err(doing())?;
        let rows: Vec<_> = rows.into_iter().filter(|row| takes(&name(row))).collect();
        let verdicts = verdicts(session, &rows).await?;
        let function = |(row, verdict): (&tokio_postgres::Row, Verdict)| Function {
            name: name(row),
            arguments: row.get("arguments"),
            body: row.get("body"),
            used_by: row.get("used_by"),
            verdict,
        };
        contents.functions = rows.iter().zip(verdicts).map(function).collect();
        if contents.functions.iter().any(|function| function.verdict == Verdict::Unknown) {
            let sql = include_str!("../../../../sql/lint/names.sql");
            let rows = session.query(sql, &[]).await.map_err(doing())?;
            contents.names = rows.iter().map(|row| row.get("name")).collect();
        }
        contents.subscriptions = subscriptions(session).await?;
        contents.event_triggers = event_triggers(session).await?;
        Ok(contents)
    }
}

async fn subscriptions(session: &Session) -> Result<Vec<String>, DbError> {
    let sql = include_str!("../../../../sql/lint/subscriptions.sql");
    let rows = session.query(sql, &[]).await.map_err(doing())?;
    Ok(rows.iter().map(|row| row.get("name")).collect())
}

async fn event_triggers(session: &Session) -> Result<Vec<EventTrigger>, DbError> {
    let sql = include_str!("../../../../sql/lint/event_triggers.sql");
    let rows = session.query(sql, &[]).await.map_err(doing())?;
    let trigger = |row: &tokio_postgres::Row| EventTrigger {
        name: row.get("name"),
        owner: row.get("owner"),
        superuser: row.get("superuser"),
    };
    Ok(rows.iter().map(trigger).collect())
}

fn doing() -> impl FnOnce(tokio_postgres::Error) -> DbError {
    DbError::doing("ask what a backup would leave out")
}

fn name(row: &tokio_postgres::Row) -> TableName {
    TableName::new(row.get::<_, String>("schema"), row.get::<_, String>("name"))
}

//! Reading an inventory from a server.

use futures_util::TryStreamExt;
use tokio_postgres::types::Json;

use super::queries::{self, Facts, QUERIES, Query};
use super::{Detail, Inventory, Item, Kind};
use crate::{DbError, Session};

/// Settings that change how the server writes names, constants and expressions, and what they are set to. An empty
/// `search_path` makes every name qualified, as `pg_dump` does. Compiling these queries would take longer than running them.
const PINNED: [(&str, &str); 11] = [
    ("search_path", ""),
    ("quote_all_identifiers", "off"),
    ("standard_conforming_strings", "on"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("lc_monetary", "C"),
    ("xmloption", "content"),
    ("jit", "off"),
];

/// Returns the inventory of the database the session is connected to.
///
/// Inside a transaction block it reads there and leaves the settings as they were; otherwise it reads in a REPEATABLE READ,
/// READ ONLY transaction of its own. The server writes definitions from the newest catalog, not from the snapshot, and locks
/// a view's tables in ACCESS SHARE to do it: who needs them to be of one moment holds those locks before.
///
/// What the login may not read is [`super::NOT_READABLE`], never missing.
///
/// # Errors
/// [`DbError::Query`] with the subject that could not be read; a transaction that was open is then aborted.
/// [`DbError::Unexpected`] for a kind of object this version does not know.
pub async fn load(session: &Session) -> Result<Inventory, DbError> {
    if inside_transaction(session).await? {
        let before = settings(session).await?;
        pin(session, &PINNED.map(|(_, value)| value.to_owned())).await?;
        let inventory = read(session).await?;
        pin(session, &before).await?;
        return Ok(inventory);
    }
    let begin = "begin isolation level repeatable read, read only";
    session.batch_execute(begin).await.map_err(DbError::doing("begin a transaction for the inventory"))?;
    let inventory = read_pinned(session).await;
    session.batch_execute("rollback").await.map_err(DbError::doing("end the inventory's transaction"))?;
    inventory
}

/// Returns what belongs to the server and not to a database: roles and granted parameters, with all their attributes. The
/// session must not be inside a transaction block: this is of now, as `pg_dumpall` is, which reads no snapshot.
///
/// # Errors
/// As [`load`].
pub async fn load_roles(session: &Session) -> Result<Inventory, DbError> {
    let begin = "begin isolation level repeatable read, read only";
    session.batch_execute(begin).await.map_err(DbError::doing("begin a transaction for the roles"))?;
    pin(session, &PINNED.map(|(_, value)| value.to_owned())).await?;
    let inventory = read_some(session, queries::is_of_roles).await?;
    session.batch_execute("rollback").await.map_err(DbError::doing("end the roles' transaction"))?;
    Ok(inventory.only(Kind::is_of_roles))
}

async fn read_pinned(session: &Session) -> Result<Inventory, DbError> {
    pin(session, &PINNED.map(|(_, value)| value.to_owned())).await?;
    read(session).await
}

/// A setting made for the transaction only is still there in the next statement, or the transaction was that statement.
async fn inside_transaction(session: &Session) -> Result<bool, DbError> {
    let failed = || DbError::doing("look for an open transaction");
    session.query_one(queries::MARK, &[]).await.map_err(failed())?;
    Ok(session.query_one(queries::IN_TRANSACTION, &[]).await.map_err(failed())?.get(0))
}

async fn settings(session: &Session) -> Result<Vec<String>, DbError> {
    let names: Vec<&str> = PINNED.iter().map(|(name, _)| *name).collect();
    let rows = session.query(queries::READ_SETTINGS, &[&names]).await;
    Ok(rows.map_err(DbError::doing("read the session's settings"))?.iter().map(|row| row.get(0)).collect())
}

async fn pin(session: &Session, values: &[String]) -> Result<(), DbError> {
    let names: Vec<&str> = PINNED.iter().map(|(name, _)| *name).collect();
    session
        .query(queries::SET_SETTINGS, &[&names, &values])
        .await
        .map_err(DbError::doing("pin the session's settings"))?;
    Ok(())
}

async fn read(session: &Session) -> Result<Inventory, DbError> {
    read_some(session, |_| true).await
}

async fn read_some(session: &Session, wanted: impl Fn(&Query) -> bool) -> Result<Inventory, DbError> {
    let facts = Facts::of(session).await?;
    let mut items = Vec::new();
    for query in QUERIES.iter().filter(|query| wanted(query) && query.when.holds(&facts)) {
        let doing = || DbError::doing(format!("read the inventory of {}", query.subject));
        let rows = session.query_raw(query.sql, std::iter::empty::<i32>()).await.map_err(doing())?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await.map_err(doing())? {
            let kind: &str = row.try_get("kind").map_err(doing())?;
            let kind = Kind::from_text(kind).ok_or_else(|| {
                DbError::Unexpected(format!("unknown kind of object in {}: {kind}", query.subject))
            })?;
            let Json(detail): Json<Detail> = row.try_get("detail").map_err(doing())?;
            items.push(Item { kind, name: row.try_get("name").map_err(doing())?, detail });
        }
    }
    Ok(Inventory::from_items(items))
}

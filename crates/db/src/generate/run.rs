//! Plans and runs a load.

use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use serde::Serialize;

use super::GenerateError;
use super::bulk::TakenDown;
use super::owners::{Owners, lists, of_schema, tables};
use super::row::Rows;
use super::seal::{ColumnKey, Sealer};
use super::table::Table;
use super::world::World;
use crate::{DbError, Session, TableName, Target};

/// How much is sent at once.
const CHUNK: usize = 256 * 1024;

/// What happens to data that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is generated.
    Refuse,
    /// The generated tables are emptied first, in the same transaction.
    Replace,
}

/// What to generate.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many students; everything else follows.
    pub students: u64,
    /// Same seed and number of students: same content.
    pub seed: u64,
    /// What happens to data that is there.
    pub existing: Existing,
    /// What sensitive columns are encrypted with.
    pub key: ColumnKey,
}

/// A table before a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TablePlan {
    /// The table.
    pub table: TableName,
    /// Rows it has now; they would go.
    pub rows_now: i64,
    /// Rows it would have.
    pub rows: u64,
}

/// What a run would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// By order of loading.
    pub tables: Vec<TablePlan>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Rows of a table sent so far.
    Rows {
        /// The table.
        table: &'a TableName,
        /// Rows sent.
        done: u64,
        /// Rows it will have.
        total: u64,
    },
    /// Indexes and constraints made so far.
    Indexes {
        /// How many stand.
        done: u64,
        /// How many there will be.
        total: u64,
    },
}

/// A table after a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// The table.
    pub table: TableName,
    /// Its rows.
    pub rows: u64,
    /// Bytes of the rows, long values included.
    pub heap_bytes: i64,
    /// Bytes with indexes.
    pub total_bytes: i64,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// By order of loading.
    pub tables: Vec<TableReport>,
    /// Bytes of the whole database.
    pub database_bytes: i64,
    /// What sensitive columns were encrypted with.
    pub key: KeyReport,
}

/// The key of the encrypted columns, as far as it may be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyReport {
    /// How the values name it.
    pub id: String,
    /// The key itself, where it is that of a demonstration.
    pub demonstration: Option<String>,
}

/// Counts what is there and says what would be, as the tables' owners or as a superuser, as [`run`] does. Reads only.
///
/// # Errors
/// [`GenerateError::NoSchema`] before `migrate up`.
pub async fn plan(session: &Session, options: &Options) -> Result<Plan, GenerateError> {
    require_tables(session).await?;
    let owners = Owners::find(session).await?;
    let world = World::new(options.students, options.seed);
    let mut tables = vec![];
    for table in Table::ALL {
        owners.work_on(session, &table.name()).await?;
        let query = format!("select count(*) from {}", table.name().quoted());
        let doing = DbError::doing(format!("count {}", table.name()));
        let rows_now = session.query_one(&query, &[]).await.map_err(doing)?.get(0);
        tables.push(TablePlan { table: table.name(), rows_now, rows: world.rows(table) });
    }
    Ok(Plan { tables })
}

/// Fills the tables, in one transaction that locks them, as their owners or as a superuser; then collects statistics.
///
/// Opens a session of its own; when the returned future is dropped, the session ends and nothing has happened.
///
/// # Errors
/// [`GenerateError::NotEmpty`] when there is data and it is not to be replaced. After any error the database is as before.
pub async fn run(
    target: &Target,
    options: &Options,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Report, GenerateError> {
    let session = Session::open(target).await?;
    require_tables(&session).await?;
    let owners = Owners::find(&session).await?;
    let begin = "set statement_timeout = 0; begin; set local search_path = ''; \
        set local maintenance_work_mem = '256MB'; set local lock_timeout = '10s'";
    session.batch_execute(begin).await.map_err(DbError::doing("begin"))?;
    for (first, list) in lists() {
        owners.work_on(&session, &first).await?;
        let lock = format!("lock table {list} in access exclusive mode");
        session.batch_execute(&lock).await.map_err(DbError::doing("lock the tables"))?;
    }
    if options.existing == Existing::Refuse {
        require_empty(&session, &owners).await?;
    }
    let down = empty(&session, &owners).await?;
    let world = World::new(options.students, options.seed);
    let mut buffer = Rows::new(Sealer::new(options.key.clone()));
    let mut rows = vec![];
    for table in Table::ALL {
        owners.work_on(&session, &table.name()).await?;
        rows.push(load(&session, &world, table, &mut buffer, progress).await?);
    }
    put_up(&session, &owners, &down, options.students, progress).await?;
    session.batch_execute("commit").await.map_err(DbError::doing("commit the generated data"))?;
    for (first, list) in lists() {
        owners.work_on(&session, &first).await?;
        let analyze = format!("analyze {list}");
        session.batch_execute(&analyze).await.map_err(DbError::doing("collect statistics"))?;
    }
    owners.work_on(&session, &Table::Students.name()).await?;
    refresh_analysis(&session).await?;
    measure(&session, &owners, &options.key, &rows).await
}

/// Takes down what slows a load, and empties the tables.
async fn empty(session: &Session, owners: &Owners) -> Result<Vec<(TableName, TakenDown)>, DbError> {
    let mut down = vec![];
    for (first, list) in lists() {
        owners.work_on(session, &first).await?;
        let names: Vec<String> = of_schema(&first.schema).map(|table| table.quoted()).collect();
        down.push((first, TakenDown::from(session, &names).await?));
        // Emptied even where empty: only rows of a table emptied in this transaction can be written as frozen.
        session
            .batch_execute(&format!("truncate {list}"))
            .await
            .map_err(DbError::doing("empty the tables"))?;
    }
    Ok(down)
}

/// Puts up again what was taken down, and computes what triggers would have kept.
async fn put_up(
    session: &Session,
    owners: &Owners,
    down: &[(TableName, TakenDown)],
    students: u64,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<(), DbError> {
    let total = down.iter().map(|(_, down)| down.len()).sum();
    let mut before = 0;
    for (first, down) in down {
        owners.work_on(session, first).await?;
        down.restore(session, |done| progress(Progress::Indexes { done: before + done, total })).await?;
        before += down.len();
    }
    owners.work_on(session, &Table::Students.name()).await?;
    derive(session, students).await?;
    for (first, down) in down {
        owners.work_on(session, first).await?;
        down.restore_triggers(session).await?;
    }
    Ok(())
}

/// Computes what triggers keep otherwise, and tells the audit log of the load in one row.
async fn derive(session: &Session, students: u64) -> Result<(), DbError> {
    let steps = [
        ("count the places taken", include_str!("../../../../sql/generate/places_taken.sql")),
        ("count the receipts", include_str!("../../../../sql/generate/receipt_counters.sql")),
        ("compute the users' permissions", include_str!("../../../../sql/generate/user_permissions.sql")),
    ];
    for (doing, sql) in steps {
        session.execute(sql, &[]).await.map_err(DbError::doing(doing))?;
    }
    let told = format!("{students} students were generated");
    let sql = include_str!("../../../../sql/generate/told.sql");
    session.execute(sql, &[&told]).await.map_err(DbError::doing("write to the audit log"))?;
    Ok(())
}

/// Where the policy lets the views read their tables, and this login refresh them; they are left as they are elsewhere.
async fn refresh_analysis(session: &Session) -> Result<(), DbError> {
    let doing = || DbError::doing("refresh the views of schema analysis");
    let may = include_str!("../../../../sql/generate/may_refresh_analysis.sql");
    if session.query_one(may, &[]).await.map_err(doing())?.get(0) {
        let refresh = include_str!("../../../../sql/generate/refresh_analysis.sql");
        session.execute(refresh, &[]).await.map_err(doing())?;
    }
    Ok(())
}

async fn require_tables(session: &Session) -> Result<(), GenerateError> {
    let names: Vec<String> = tables().iter().map(ToString::to_string).collect();
    let query = include_str!("../../../../sql/generate/missing_tables.sql");
    let rows = session.query(query, &[&names]).await.map_err(DbError::doing("look for the tables"))?;
    let missing: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    if missing.is_empty() { Ok(()) } else { Err(GenerateError::NoSchema { missing }) }
}

async fn require_empty(session: &Session, owners: &Owners) -> Result<(), GenerateError> {
    let mut filled = vec![];
    for table in tables() {
        owners.work_on(session, &table).await?;
        let query = format!("select exists (select from {})", table.quoted());
        let doing = DbError::doing(format!("look into {table}"));
        if session.query_one(&query, &[]).await.map_err(doing)?.get(0) {
            filled.push(table.to_string());
        }
    }
    if filled.is_empty() { Ok(()) } else { Err(GenerateError::NotEmpty { tables: filled }) }
}

/// Writes one table and returns how many rows it got.
async fn load(
    session: &Session,
    world: &World,
    table: Table,
    rows: &mut Rows,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<u64, DbError> {
    let name = table.name();
    let doing = || DbError::doing(format!("fill {name}"));
    let copy = format!("copy {} ({}) from stdin with (freeze)", name.quoted(), table.columns());
    let mut sink = pin!(session.copy_in::<_, Bytes>(&copy).await.map_err(doing())?);
    let total = world.rows(table);
    let mut done = 0;
    for unit in 0..world.units(table) {
        done += world.write(table, unit, rows);
        if rows.len() >= CHUNK {
            sink.send(rows.take()).await.map_err(doing())?;
            progress(Progress::Rows { table: &name, done, total });
        }
    }
    sink.send(rows.take()).await.map_err(doing())?;
    let written = sink.finish().await.map_err(doing())?;
    progress(Progress::Rows { table: &name, done, total });
    Ok(written)
}

async fn measure(
    session: &Session,
    owners: &Owners,
    key: &ColumnKey,
    rows: &[u64],
) -> Result<Report, GenerateError> {
    let key = KeyReport { id: key.id(), demonstration: key.public().map(str::to_owned) };
    let mut report = Report { tables: vec![], database_bytes: 0, key };
    for (table, rows) in Table::ALL.into_iter().zip(rows) {
        owners.work_on(session, &table.name()).await?;
        let query = include_str!("../../../../sql/generate/sizes.sql");
        let sizes = session
            .query_one(query, &[&table.name().quoted()])
            .await
            .map_err(DbError::doing("measure the tables"))?;
        report.database_bytes = sizes.get("database");
        report.tables.push(TableReport {
            table: table.name(),
            rows: *rows,
            heap_bytes: sizes.get("heap"),
            total_bytes: sizes.get("total"),
        });
    }
    Ok(report)
}

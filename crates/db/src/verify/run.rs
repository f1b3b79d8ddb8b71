//! Comparing, with several sessions on each side.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use thiserror::Error;
use tokio::task::JoinSet;

use super::plan::{Columns, Pair, State, pair, wanted};
use crate::catalog::Table;
use crate::connect::Retries;
use crate::facts::{self, TableFacts};
use crate::fingerprint::{RowFacts, Seed};
use crate::pattern::TablePattern;
use crate::snapshot::{Coordinator, SnapshotError, SnapshotOptions};
use crate::{DbError, Session, TableName, Target};

/// One side of a comparison.
#[derive(Clone, Debug)]
pub enum Side {
    /// A database, read now.
    Database(Box<Target>),
    /// What a backup knows of its tables.
    Known {
        /// The tables with their rows' facts.
        tables: Vec<TableFacts>,
        /// The secret of the fingerprints.
        seed: Seed,
        /// The client encoding the rows were read in.
        encoding: String,
        /// Whether the tables' columns are known; a manifest names none.
        columns: bool,
    },
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The numbers of rows.
    Counts,
    /// The rows.
    Fingerprints,
}

/// How a comparison is done.
#[derive(Clone)]
pub struct VerifyOptions {
    /// What is compared.
    pub content: Content,
    /// Which tables; all where there is none.
    pub patterns: Vec<TablePattern>,
    /// How many tables are compared at once; each takes a session on each side.
    pub jobs: usize,
    /// How patient the locks are.
    pub snapshot: SnapshotOptions,
    /// Is told of each table when it is compared, from any thread.
    pub observer: Arc<dyn Fn(&Verdict) + Send + Sync>,
}

/// What is found of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The table.
    #[serde(flatten)]
    pub table: TableName,
    /// How it is.
    pub state: State,
    /// Its rows on side A, where it is there.
    pub rows_a: Option<u64>,
    /// Its rows on side B, where it is there.
    pub rows_b: Option<u64>,
    /// The columns that are on one side only.
    pub columns: Columns,
    /// How many bytes of rows were read, on both sides together; none where rows were only counted.
    pub bytes: u64,
}

/// A comparison could not be made.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// No moment of a side could be held.
    #[error("could not hold a moment of side {side}")]
    Moment {
        /// A or B.
        side: char,
        /// Why not.
        source: SnapshotError,
    },
    /// Talking to a server failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Two backups have fingerprints under different secrets.
    #[error("the fingerprints of two backups cannot be compared: restore one of them, or compare counts")]
    TwoBackups,
    /// A worker was stopped.
    #[error("a worker was stopped")]
    Stopped,
}

/// One side with its moment.
enum Moment {
    Database { coordinator: Box<Coordinator>, encoding: Option<String> },
    Known(BTreeMap<TableName, TableFacts>),
}

struct Shared {
    a: Moment,
    b: Moment,
    seed: Seed,
    columns: bool,
    options: VerifyOptions,
    queue: Mutex<VecDeque<Pair>>,
}

/// Compares two sides, table by table; the largest are begun first, and the verdicts are in that order.
///
/// # Errors
/// [`VerifyError`]. A table that is missing or has other columns is a verdict, not an error.
pub async fn run(a: Side, b: Side, options: VerifyOptions) -> Result<Vec<Verdict>, VerifyError> {
    let seed = match (&a, &b, options.content) {
        (Side::Known { .. }, Side::Known { .. }, Content::Fingerprints) => {
            return Err(VerifyError::TwoBackups);
        }
        (Side::Known { seed, .. }, _, _) | (_, Side::Known { seed, .. }, _) => *seed,
        _ => Seed::random(),
    };
    let encoding = [&a, &b].into_iter().find_map(|side| match side {
        Side::Known { encoding, .. } => Some(encoding.clone()),
        Side::Database(_) => None,
    });
    let columns = ![&a, &b].iter().any(|side| matches!(side, Side::Known { columns: false, .. }));
    let a = Moment::begin(a, 'A', encoding.clone(), &options).await?;
    let b = Moment::begin(b, 'B', encoding, &options).await?;
    let pairs = pair(a.tables(), b.tables(), &options.patterns);
    let order: Vec<TableName> = pairs.iter().map(|pair| pair.name.clone()).collect();
    let jobs = options.jobs.max(1).min(pairs.len().max(1));
    let shared = Arc::new(Shared { a, b, seed, columns, options, queue: Mutex::new(pairs.into()) });
    let mut workers = JoinSet::new();
    for _ in 0..jobs {
        workers.spawn(worker(Arc::clone(&shared)));
    }
    let mut verdicts = BTreeMap::new();
    while let Some(found) = workers.join_next().await {
        let found = found.map_err(|_| VerifyError::Stopped)??;
        verdicts.extend(found.into_iter().map(|verdict| (verdict.table.clone(), verdict)));
    }
    Ok(order.iter().filter_map(|name| verdicts.remove(name)).collect())
}

impl Moment {
    async fn begin(
        side: Side,
        name: char,
        encoding: Option<String>,
        options: &VerifyOptions,
    ) -> Result<Self, VerifyError> {
        match side {
            Side::Database(target) => {
                let coordinator = Coordinator::begin(&target, options.snapshot)
                    .await
                    .map_err(|source| VerifyError::Moment { side: name, source })?;
                Ok(Self::Database { coordinator: Box::new(coordinator), encoding })
            }
            Side::Known { tables, .. } => {
                let by_name = tables.into_iter().map(|facts| (facts.table.name.clone(), facts));
                Ok(Self::Known(by_name.collect()))
            }
        }
    }

    fn tables(&self) -> Vec<Table> {
        match self {
            Self::Database { coordinator, .. } => coordinator.tables().to_vec(),
            Self::Known(tables) => tables.values().map(|facts| facts.table.clone()).collect(),
        }
    }

    /// Opens a worker's session; `None` where nothing is read.
    async fn session(&self, patterns: &[TablePattern]) -> Result<Option<Session>, DbError> {
        let Self::Database { coordinator, encoding } = self else { return Ok(None) };
        let tables: Vec<Table> =
            coordinator.tables().iter().filter(|t| wanted(t, patterns)).cloned().collect();
        let session = coordinator.worker(&tables, &Retries::NONE).await?.session;
        if let Some(encoding) = encoding {
            let sql = format!("set client_encoding = {}", crate::quote_literal(encoding));
            session.batch_execute(&sql).await.map_err(session.doing("set the client encoding"))?;
        }
        Ok(Some(session))
    }

    /// Returns what is known of a table's rows, or finds it out. Bytes stay 0 where rows are only counted.
    async fn rows(
        &self,
        session: Option<&Session>,
        table: &Table,
        shared: &Shared,
        content: Content,
    ) -> Result<RowFacts, DbError> {
        match (self, session) {
            (Self::Known(tables), _) => Ok(tables.get(&table.name).map(|f| f.rows).unwrap_or_default()),
            (Self::Database { .. }, Some(session)) if content == Content::Fingerprints => {
                facts::of_table(session, table, shared.seed).await
            }
            (Self::Database { .. }, Some(session)) => {
                let rows = facts::count_rows(session, table).await?;
                Ok(RowFacts { rows, ..RowFacts::default() })
            }
            (Self::Database { .. }, None) => Err(DbError::Unexpected("a side has no session".into())),
        }
    }
}

async fn worker(shared: Arc<Shared>) -> Result<Vec<Verdict>, VerifyError> {
    let (a, b) = (
        shared.a.session(&shared.options.patterns).await?,
        shared.b.session(&shared.options.patterns).await?,
    );
    let mut verdicts = Vec::new();
    loop {
        let next = shared.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(pair) = next else { return Ok(verdicts) };
        let verdict = compare(&shared, &pair, a.as_ref(), b.as_ref()).await?;
        (shared.options.observer)(&verdict);
        verdicts.push(verdict);
    }
}

async fn compare(
    shared: &Shared,
    pair: &Pair,
    a: Option<&Session>,
    b: Option<&Session>,
) -> Result<Verdict, DbError> {
    let columns = if shared.columns { pair.columns() } else { Columns::default() };
    // a backup's fingerprint is of all its columns: with one of them missing, only the numbers can be compared
    let comparable = match (&shared.a, &shared.b) {
        (Moment::Known(_), _) => columns.only_in_a.is_empty(),
        (_, Moment::Known(_)) => columns.only_in_b.is_empty(),
        _ => true,
    };
    let content = if comparable { shared.options.content } else { Content::Counts };
    let (rows_a, rows_b) = match pair.aligned() {
        Some((mut in_a, mut in_b)) => {
            // in the backup's order, where one side is a backup
            if let (Moment::Known(_), Some(table)) = (&shared.b, &pair.b) {
                if comparable {
                    in_a.columns.clone_from(&table.columns);
                }
                in_b.columns.clone_from(&table.columns);
            }
            let (x, y) = tokio::join!(
                shared.a.rows(a, &in_a, shared, content),
                shared.b.rows(b, &in_b, shared, content)
            );
            (Some(x?), Some(y?))
        }
        None => (
            match &pair.a {
                Some(table) => Some(shared.a.rows(a, table, shared, Content::Counts).await?),
                None => None,
            },
            match &pair.b {
                Some(table) => Some(shared.b.rows(b, table, shared, Content::Counts).await?),
                None => None,
            },
        ),
    };
    Ok(Verdict {
        table: pair.name.clone(),
        state: judge(rows_a.as_ref(), rows_b.as_ref(), &columns, content),
        rows_a: rows_a.map(|rows| rows.rows),
        rows_b: rows_b.map(|rows| rows.rows),
        columns,
        bytes: rows_a.map_or(0, |rows| rows.bytes) + rows_b.map_or(0, |rows| rows.bytes),
    })
}

fn judge(a: Option<&RowFacts>, b: Option<&RowFacts>, columns: &Columns, content: Content) -> State {
    match (a, b) {
        (Some(_), None) => State::OnlyInA,
        (None, _) => State::OnlyInB,
        (Some(_), Some(_)) if !columns.agree() => State::Columns,
        (Some(a), Some(b)) if a.rows != b.rows => State::Rows,
        (Some(a), Some(b)) if content == Content::Fingerprints && a.fingerprint != b.fingerprint => {
            State::Content
        }
        _ => State::Equal,
    }
}

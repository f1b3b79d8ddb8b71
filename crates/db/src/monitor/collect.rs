//! Asks a server, check by check, and writes down what came. Nothing is judged here.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::check::{Query, Since};
use super::{Check, Facts, Outcome, Recorded, Recording, Sample, Value};
use crate::{DbError, Session, quote_ident};

/// How little a run may disturb.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For one query.
    pub statement: Duration,
    /// For one lock: no query of a check takes one that others wait for, so this is for whoever holds all.
    pub lock: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { statement: Duration::from_secs(5), lock: Duration::from_millis(50) }
    }
}

/// Asks the server each of these checks' question, one after another, each in a read-only transaction of its own with limits.
///
/// # Errors
/// The connection is gone. What one check cannot be told is in the recording.
pub async fn collect(session: &Session, checks: &[&Check], limits: Limits) -> Result<Recording, DbError> {
    let facts = facts(session, limits).await?;
    let mut recorded = Vec::with_capacity(checks.len());
    for check in checks {
        let began = Instant::now();
        let outcome = match choose(check, &facts) {
            Ok(query) => ask(session, &query, limits).await?,
            Err(why) => Outcome::Unsupported(why),
        };
        let seconds = began.elapsed().as_secs_f64();
        recorded.push(Recorded { check: check.id.to_owned(), outcome, seconds });
    }
    Ok(Recording { facts, checks: recorded })
}

async fn facts(session: &Session, limits: Limits) -> Result<Facts, DbError> {
    let doing = || session.doing("ask the server what it is");
    begin(session, limits).await?;
    let row =
        session.query_one(include_str!("../../../../sql/monitor/facts.sql"), &[]).await.map_err(doing())?;
    session.batch_execute("rollback").await.map_err(doing())?;
    let statements = row.get::<_, Option<String>>("statements_version");
    Ok(Facts {
        version: row.get::<_, i32>("version").unsigned_abs(),
        database: row.get("database"),
        login: row.get("login"),
        now: row.get("now"),
        started: row.get("started"),
        stats_reset: row.get("stats_reset"),
        in_recovery: row.get("in_recovery"),
        statements: statements.zip(row.get("statements_schema")),
    })
}

async fn begin(session: &Session, limits: Limits) -> Result<(), DbError> {
    let (statement, lock) = (limits.statement.as_millis(), limits.lock.as_millis());
    let begin = format!(
        "begin transaction read only; set local statement_timeout = {statement}; set local lock_timeout = {lock}; \
         set local search_path = ''"
    );
    session.batch_execute(&begin).await.map_err(session.doing("begin to look"))
}

/// Returns the text of the first query that fits, or why none does.
fn choose(check: &Check, facts: &Facts) -> Result<String, String> {
    let fits = |query: &&Query| match query.since {
        Since::Server(version) => facts.version >= version,
        Since::Statements(major, minor) => {
            facts.statements.as_ref().is_some_and(|(version, _)| numbers(version) >= (major, minor))
        }
    };
    if let Some(query) = check.queries.iter().find(fits) {
        let schema = facts.statements.as_ref().map_or_else(String::new, |(_, schema)| quote_ident(schema));
        return Ok(query.sql.replace("{schema}", &schema));
    }
    Err(match check.queries.last().map(|query| &query.since) {
        Some(Since::Statements(..)) if facts.statements.is_none() => {
            format!("database {} has no extension pg_stat_statements", facts.database)
        }
        Some(Since::Statements(major, minor)) => {
            format!("needs pg_stat_statements {major}.{minor}: alter extension pg_stat_statements update")
        }
        Some(Since::Server(version)) => format!("needs PostgreSQL {}", version / 10_000),
        None => "has no query".into(),
    })
}

fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

async fn ask(session: &Session, query: &str, limits: Limits) -> Result<Outcome, DbError> {
    begin(session, limits).await?;
    let answer = session.query(query, &[]).await;
    let outcome = match answer {
        Ok(rows) => match rows.iter().map(values).collect() {
            Ok(values) => {
                let columns = rows.first().map_or_else(Vec::new, |row| {
                    row.columns().iter().map(|column| column.name().to_owned()).collect()
                });
                Outcome::Rows(Sample { columns, rows: values })
            }
            Err(unknown) => Outcome::Failed(unknown),
        },
        Err(error) => {
            let error = session.server_error(error);
            if error.is_connection_lost() {
                return Err(DbError::Query { doing: "ask the server".into(), source: error });
            }
            match error.code() {
                Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Outcome::NotPermitted(error.to_string()),
                _ => Outcome::Failed(error.to_string()),
            }
        }
    };
    session.batch_execute("rollback").await.map_err(session.doing("end the look"))?;
    Ok(outcome)
}

/// Takes a row's values; the queries give no other types than these.
fn values(row: &tokio_postgres::Row) -> Result<Vec<Value>, String> {
    let value = |place: usize, column: &tokio_postgres::Column| {
        let failed = |error: tokio_postgres::Error| format!("column {}: {error}", column.name());
        let value = match *column.type_() {
            Type::BOOL => row.try_get::<_, Option<bool>>(place).map_err(failed)?.map(Value::Bool),
            Type::INT2 => row.try_get::<_, Option<i16>>(place).map_err(failed)?.map(|n| Value::Int(n.into())),
            Type::INT4 => row.try_get::<_, Option<i32>>(place).map_err(failed)?.map(|n| Value::Int(n.into())),
            Type::INT8 => row.try_get::<_, Option<i64>>(place).map_err(failed)?.map(Value::Int),
            Type::FLOAT8 => row.try_get::<_, Option<f64>>(place).map_err(failed)?.map(Value::Float),
            Type::TEXT | Type::VARCHAR | Type::NAME => {
                row.try_get::<_, Option<String>>(place).map_err(failed)?.map(Value::Text)
            }
            Type::INT8_ARRAY => row.try_get::<_, Option<Vec<i64>>>(place).map_err(failed)?.map(Value::Ints),
            ref other => {
                return Err(format!("column {} is of type {other}, which no check can read", column.name()));
            }
        };
        Ok(value.unwrap_or(Value::Null))
    };
    row.columns().iter().enumerate().map(|(place, column)| value(place, column)).collect()
}

//! Data quality: the rules of `qa.rules`, each a query for the rows that break it.

use std::time::Duration;

use serde::Serialize;
use thiserror::Error;
use tokio_postgres::error::SqlState;

use crate::{DbError, Session};

/// How many of the rows that break a rule are shown.
const SHOWN: i64 = 3;

/// Rules could not be read.
#[derive(Debug, Error)]
pub enum QualityError {
    /// The database has no rules.
    #[error("the database has no table qa.rules")]
    NoRules,
    /// Rules that were asked for are not there, or not active.
    #[error("there is no active rule {}", codes.join(", "))]
    UnknownRule {
        /// Their codes.
        codes: Vec<String>,
    },
    /// The server refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// How bad it is when a rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The data is wrong.
    Error,
    /// Somebody should look.
    Warning,
    /// Worth knowing.
    Notice,
}

/// What became of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// No row breaks it.
    Held,
    /// Rows break it.
    Broken {
        /// How many.
        rows: i64,
        /// The first column of some of them.
        first: Vec<String>,
    },
    /// Its query failed, or took too long.
    Failed {
        /// What the server said.
        reason: String,
    },
}

/// A rule and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's code.
    pub code: String,
    /// What holds, as a sentence.
    pub description: String,
    /// How bad it is otherwise.
    pub severity: Severity,
    /// What was found.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Runs the active rules, or those named, one after the other, with the login's own rights. Each is one statement in a read-only
/// transaction, stopped after `time_limit`. A rule that fails stops no other.
///
/// # Errors
/// [`QualityError::NoRules`] before the schema is there; [`QualityError::UnknownRule`]; a lost connection.
pub async fn run(
    session: &Session,
    codes: &[String],
    time_limit: Duration,
) -> Result<Vec<Finding>, QualityError> {
    let rules = match session.query(include_str!("../../../sql/quality/rules.sql"), &[&codes]).await {
        Err(error) if error.code().is_some_and(is_missing) => return Err(QualityError::NoRules),
        rules => rules.map_err(session.doing("read the rules of data quality"))?,
    };
    let unknown = codes.iter().filter(|code| !rules.iter().any(|row| row.get::<_, &str>("code") == **code));
    let unknown: Vec<String> = unknown.cloned().collect();
    if !unknown.is_empty() {
        return Err(QualityError::UnknownRule { codes: unknown });
    }
    let mut findings = vec![];
    for rule in rules {
        let severity = match rule.get("severity") {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            _ => Severity::Notice,
        };
        let outcome = ask(session, rule.get("query"), time_limit).await?;
        findings.push(Finding {
            code: rule.get("code"),
            description: rule.get("description"),
            severity,
            outcome,
        });
    }
    Ok(findings)
}

fn is_missing(state: &SqlState) -> bool {
    [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME].contains(state)
}

async fn ask(session: &Session, query: &str, time_limit: Duration) -> Result<Outcome, DbError> {
    let doing = || session.doing("run a rule of data quality");
    let begin = format!(
        "begin read only; set local search_path = ''; set local statement_timeout = '{}ms'",
        time_limit.as_millis()
    );
    session.batch_execute(&begin).await.map_err(doing())?;
    // Prepared, it can be no more than one statement, whatever somebody wrote into the table.
    let counted = format!(
        "with broken as materialized (select row_number() over () as n, q as r from ({query}\n) as q)
        select (select count(*) from broken), array(
            select coalesce((select value from json_each_text(row_to_json(r)) limit 1), 'null')
            from broken where n <= {SHOWN} order by n)"
    );
    let result = session.query_one(&counted, &[]).await;
    let ended = session.batch_execute("rollback").await;
    match result {
        Ok(row) => {
            ended.map_err(doing())?;
            let rows: i64 = row.get(0);
            Ok(if rows == 0 { Outcome::Held } else { Outcome::Broken { rows, first: row.get(1) } })
        }
        Err(error) => match error.as_db_error() {
            Some(said) if ended.is_ok() => Ok(Outcome::Failed { reason: said.message().into() }),
            _ => Err(doing()(error)),
        },
    }
}

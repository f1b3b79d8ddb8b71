//! Data quality: the rules of `qa.rules`, each a query for the rows that break it.
//!
//! A rule is whatever SQL somebody wrote into the table. `qa.run_rule` (V0039) runs it with the rights of qa_owner, whoever asks;
//! what will not end when its time is over loses its session.

use std::time::Duration;

use serde::Serialize;
use thiserror::Error;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use crate::{DbError, Session, Target};

/// How long after its time a rule may take to be stopped, before its session is ended.
const GRACE: Duration = Duration::from_secs(3);

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
    /// The schema is of before rules had rights of their own.
    #[error("the database has no function qa.run_rule")]
    NoRunner,
    /// The login may not have rules run.
    #[error("this login may not call qa.run_rule")]
    NotPermitted,
    /// Rules would have to run with the login's rights, and others may write them.
    #[error("{owner} may not read schema app, and others than this login may write rules")]
    OwnerReadsNothing {
        /// Who owns the rules.
        owner: String,
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

/// With whose rights the rules ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rights {
    /// Of the rules' owner, and no more.
    Owner,
    /// Of the login that asked: the owner has none yet, and nobody but this login and superusers can have written a rule.
    Login,
}

/// What the rules found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// With whose rights.
    pub rights: Rights,
    /// The rules, the worst first.
    pub rules: Vec<Finding>,
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

/// Runs the active rules, or those named, one after the other. Each is one statement in a read-only transaction, stopped after
/// `time_limit`; a session that cannot be stopped is ended. A rule that fails stops no other.
///
/// Opens sessions of its own.
///
/// # Errors
/// [`QualityError::NoRules`] before the schema is there; [`QualityError::UnknownRule`]; what else [`QualityError`] says; a lost
/// connection.
pub async fn run(target: &Target, codes: &[String], time_limit: Duration) -> Result<Report, QualityError> {
    let (mut session, mut backend) = open(target).await?;
    let rights = rights(&session).await?;
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
        let asked = ask(&session, rule.get("code"), &rights, time_limit).await?;
        let outcome = match asked {
            Some(outcome) => outcome,
            None => {
                (session, backend) = replace(&session, backend).await?;
                let reason =
                    format!("it did not stop after {} s, and its session was ended", time_limit.as_secs());
                Outcome::Failed { reason }
            }
        };
        findings.push(Finding {
            code: rule.get("code"),
            description: rule.get("description"),
            severity,
            outcome,
        });
    }
    Ok(Report { rights, rules: findings })
}

/// Opens a session, and says which process serves it.
async fn open(target: &Target) -> Result<(Session, i32), DbError> {
    let session = Session::open(target).await?;
    let doing = session.doing("ask which process serves the session");
    let backend =
        session.query_one(include_str!("../../../sql/quality/backend.sql"), &[]).await.map_err(doing)?.get(0);
    Ok((session, backend))
}

/// Before `roles apply` the owner may read nothing. The login's rights are lent to its rules only where no third can have
/// written one.
async fn rights(session: &Session) -> Result<Rights, QualityError> {
    let doing = session.doing("ask with whose rights rules run");
    let row = session.query_opt(include_str!("../../../sql/quality/rights.sql"), &[]).await.map_err(doing)?;
    let row = row.ok_or(QualityError::NoRules)?;
    let is = |column: &str| row.get::<_, bool>(column);
    match () {
        () if !is("has_function") => Err(QualityError::NoRunner),
        () if !is("may_call") => Err(QualityError::NotPermitted),
        () if is("owner_reads") => Ok(Rights::Owner),
        () if is("others_write") => Err(QualityError::OwnerReadsNothing { owner: row.get("owner") }),
        () => Ok(Rights::Login),
    }
}

fn is_missing(state: &SqlState) -> bool {
    [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME].contains(state)
}

/// Returns nothing where the rule did not stop in time.
async fn ask(
    session: &Session,
    code: &str,
    rights: &Rights,
    time_limit: Duration,
) -> Result<Option<Outcome>, DbError> {
    let doing = || session.doing("run a rule of data quality");
    let begin = format!(
        "begin read only; set local search_path = ''; set local statement_timeout = '{}ms'",
        time_limit.as_millis()
    );
    session.batch_execute(&begin).await.map_err(doing())?;
    let asked = async {
        match rights {
            Rights::Owner => session.query_one(include_str!("../../../sql/quality/ask.sql"), &[&code]).await,
            Rights::Login => ask_as_login(session, code).await,
        }
    };
    let Ok(result) = tokio::time::timeout(time_limit + GRACE, asked).await else { return Ok(None) };
    // A lock of the session would outlive the transaction.
    let ended = session.batch_execute("rollback; select pg_catalog.pg_advisory_unlock_all()").await;
    match result {
        Ok(row) => {
            ended.map_err(doing())?;
            let rows: i64 = row.get(0);
            Ok(Some(if rows == 0 { Outcome::Held } else { Outcome::Broken { rows, first: row.get(1) } }))
        }
        Err(error) => match error.as_db_error() {
            Some(said) if ended.is_ok() => Ok(Some(Outcome::Failed { reason: said.message().into() })),
            _ => Err(doing()(error)),
        },
    }
}

/// What `qa.run_rule` does, with the login's rights. Prepared, a rule can be no more than one statement.
async fn ask_as_login(session: &Session, code: &str) -> Result<Row, tokio_postgres::Error> {
    let rule = session.query_one(include_str!("../../../sql/quality/query.sql"), &[&code]).await?;
    let query: &str = rule.get(0);
    let counted = format!(
        "with broken as materialized (select row_number() over () as n, q as r from ({query}\n) as q)
        select (select count(*) from broken), array(
            select coalesce((select value from json_each_text(row_to_json(r)) limit 1), 'null')
            from broken where n <= 3 order by n)"
    );
    session.query_one(&counted, &[]).await
}

/// Ends a session that does not stop, and opens another.
async fn replace(session: &Session, backend: i32) -> Result<(Session, i32), DbError> {
    let (other, its_backend) = open(session.target()).await?;
    let end = include_str!("../../../sql/quality/end.sql");
    other
        .query(end, &[&backend])
        .await
        .map_err(other.doing("end the session of a rule that does not stop"))?;
    Ok((other, its_backend))
}

//! Whether functions find what they name when no schema is searched, as in a restore. The server parses their texts and looks the
//! names up, which is what it does when a function is made; it runs none of them.

use tokio_postgres::Row;

use crate::{DbError, Session, quote_ident};

/// What the server says of a function's text when no schema is searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It finds all that the text names.
    Sound,
    /// It does not; with what it said, and whether it does when the function's own schema is searched.
    Broken {
        /// The server's message.
        message: String,
        /// Whether a `search_path` of the function's own schema mends it.
        mended: bool,
    },
    /// It cannot say.
    Unknown,
}

/// How long the server may take for one function.
const LIMIT: &str = "set local statement_timeout = '10s'";

/// Judges functions, rows of `lint/functions.sql`, in a read-only transaction that is rolled back. PL/pgSQL is judged where the
/// extension plpgsql_check is there.
pub(super) async fn verdicts(session: &Session, functions: &[Row]) -> Result<Vec<Verdict>, DbError> {
    if functions.is_empty() {
        return Ok(Vec::new());
    }
    let doing = || session.doing("have the server judge its functions");
    let sql = include_str!("../../../../sql/lint/plpgsql_check.sql");
    let checker = session.query_opt(sql, &[]).await.map_err(doing())?;
    let checker: Option<String> = checker.map(|row| row.get("schema"));
    let begin = format!("begin read only; set local check_function_bodies = on; {LIMIT}");
    session.batch_execute(&begin).await.map_err(doing())?;
    let mut verdicts = Vec::new();
    for function in functions {
        let Some(sql) = judging(function, checker.as_deref()) else {
            verdicts.push(Verdict::Unknown);
            continue;
        };
        let schema = format!("{}, pg_temp", quote_ident(function.get("schema")));
        verdicts.push(match complaint(session, "''", &sql).await? {
            Judged::Sound => Verdict::Sound,
            Judged::Unable => Verdict::Unknown,
            Judged::Complains(message) => {
                let mended = matches!(complaint(session, &schema, &sql).await?, Judged::Sound);
                Verdict::Broken { message, mended }
            }
        });
    }
    session.batch_execute("rollback").await.map_err(doing())?;
    Ok(verdicts)
}

/// Returns the query that judges a function: no row and no error when it is sound.
fn judging(function: &Row, checker: Option<&str>) -> Option<String> {
    let oid: u32 = function.get("oid");
    if function.get("judged") {
        return Some(format!("select null where pg_catalog.fmgr_sql_validator({oid}) is null"));
    }
    let (checker, true) = (quote_ident(checker?), function.get("plpgsql")) else { return None };
    Some(format!(
        "select message from {checker}.plpgsql_check_function_tb(funcoid => {oid}, other_warnings => false, \
             extra_warnings => false) where level = 'error' limit 1"
    ))
}

enum Judged {
    Sound,
    Complains(String),
    /// Something else than the text is in the way: a right, the time.
    Unable,
}

/// Asks in a savepoint, with these schemas searched.
async fn complaint(session: &Session, schemas: &str, sql: &str) -> Result<Judged, DbError> {
    let doing = || session.doing("have the server judge a function");
    let path = format!("savepoint judged; set local search_path = {schemas}");
    session.batch_execute(&path).await.map_err(doing())?;
    let judged = match session.query(sql, &[]).await {
        Ok(rows) => match rows.first().map(|row| row.try_get::<_, Option<String>>(0)) {
            Some(Ok(Some(message))) => Judged::Complains(message),
            Some(Ok(None) | Err(_)) | None => Judged::Sound,
        },
        Err(error) => match error.as_db_error() {
            // class 42: what is named is not there, or is not what it should be
            Some(said) if said.code().code().starts_with("42") && said.code().code() != "42501" => {
                Judged::Complains(said.message().to_owned())
            }
            Some(_) => Judged::Unable,
            None => return Err(doing()(error)),
        },
    };
    session.batch_execute("rollback to savepoint judged").await.map_err(doing())?;
    Ok(judged)
}

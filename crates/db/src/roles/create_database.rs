//! The database itself, for CI: made as the policy says where it is missing.

use serde::Serialize;
use tokio_postgres::error::SqlState;

use super::{DatabaseRule, RolesError};
use crate::{DbError, Session, Target, quote_ident, quote_literal};

/// Databases to ask for another one; the first that lets us in.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

/// What was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CreatedDatabase {
    /// Whether the database was made now.
    pub created: bool,
    /// In what it is not as the policy says, and cannot be any more, a sentence each.
    pub differs: Vec<String>,
}

/// Returns the statement that makes a database.
pub fn create_database_sql(name: &str, rule: &DatabaseRule) -> String {
    let mut sql = format!("create database {}", quote_ident(name));
    if let Some(owner) = &rule.owner {
        sql += &format!(" owner {}", quote_ident(owner));
    }
    // only the empty template is without rows in another encoding or sorted otherwise
    let needs_empty = rule.encoding.is_some() || rule.locale.is_some();
    if let Some(template) = rule.template.as_deref().or(needs_empty.then_some("template0")) {
        sql += &format!(" template {}", quote_ident(template));
    }
    for (word, value) in [("encoding", &rule.encoding), ("locale", &rule.locale)] {
        if let Some(value) = value {
            sql += &format!(" {word} {}", quote_literal(value).trim_start());
        }
    }
    if let Some(limit) = rule.connection_limit {
        sql += &format!(" connection limit {limit}");
    }
    sql
}

/// Makes the target's database where it is missing, and before it its owner, as a role without any right.
///
/// # Errors
/// The server could not be asked, or refused.
pub async fn create_database(target: &Target, rule: &DatabaseRule) -> Result<CreatedDatabase, RolesError> {
    let session = maintenance(target).await?;
    let name = &target.database;
    let mut made = CreatedDatabase::default();
    if let Some(differs) = existing(&session, name, rule).await? {
        made.differs = differs;
    } else {
        if let Some(owner) = &rule.owner {
            prepare_owner(&session, owner).await?;
        }
        let created = session.batch_execute(&create_database_sql(name, rule)).await;
        match created {
            Ok(()) => made.created = true,
            // somebody was faster
            Err(error) if is_duplicate(&error) => {
                made.differs = existing(&session, name, rule).await?.unwrap_or_default();
            }
            Err(error) => return Err(session.doing(format!("create the database {name}"))(error).into()),
        }
    }
    session.close().await;
    Ok(made)
}

/// Opens a session elsewhere on the server. Whoever is let in nowhere is told about the first.
async fn maintenance(target: &Target) -> Result<Session, DbError> {
    let mut refused = None;
    for database in MAINTENANCE {
        match Session::open(&target.with_database(database)).await {
            Ok(session) => return Ok(session),
            Err(error) => {
                let by_database = [SqlState::INVALID_CATALOG_NAME, SqlState::INSUFFICIENT_PRIVILEGE];
                let other = error.sqlstate().is_some_and(|state| by_database.contains(state));
                if !other {
                    return Err(error);
                }
                refused.get_or_insert(error);
            }
        }
    }
    Err(refused.unwrap_or_else(|| DbError::Unexpected("there is no database to ask for another".into())))
}

/// Returns in what an existing database differs.
async fn existing(
    session: &Session,
    name: &str,
    rule: &DatabaseRule,
) -> Result<Option<Vec<String>>, DbError> {
    let query = include_str!("../../../../sql/roles/database_exists.sql");
    let row = session.query_opt(query, &[&name, &rule.encoding]).await;
    let Some(row) = row.map_err(session.doing("look for the database"))? else { return Ok(None) };
    let mut differs = Vec::new();
    if let (Some(wanted), false) = (&rule.encoding, row.get("same_encoding")) {
        differs.push(format!("its encoding is {}, not {wanted}", row.get::<_, &str>("encoding")));
    }
    for (what, column) in [("LC_COLLATE", "collate"), ("LC_CTYPE", "ctype")] {
        let is: &str = row.get(column);
        if let Some(wanted) = rule.locale.as_ref().filter(|wanted| !same_locale(wanted, is)) {
            differs.push(format!("its {what} is {is}, not {wanted}"));
        }
    }
    Ok(Some(differs))
}

/// The system writes `en_US.utf8` for `en_US.UTF-8`.
fn same_locale(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.replace('-', "").to_lowercase();
    plain(one) == plain(other)
}

async fn prepare_owner(session: &Session, owner: &str) -> Result<(), DbError> {
    let doing = || session.doing(format!("make {owner} able to own a database"));
    let query = include_str!("../../../../sql/roles/owner_ready.sql");
    let ask = async || session.query_one(query, &[&owner]).await.map_err(doing());
    if !ask().await?.get::<_, bool>("present") {
        let create = format!("create role {} nologin", quote_ident(owner));
        if let Err(error) = session.batch_execute(&create).await
            && !is_duplicate(&error)
        {
            return Err(doing()(error));
        }
    }
    let row = ask().await?;
    if !row.get::<_, bool>("reachable") {
        // who is no superuser gives things only to roles it may become
        let options = if row.get("options") { " with inherit false, set true" } else { "" };
        let login = quote_ident(row.get("login"));
        let grant = format!("grant {} to {login}{options}", quote_ident(owner));
        session.batch_execute(&grant).await.map_err(doing())?;
    }
    Ok(())
}

fn is_duplicate(error: &tokio_postgres::Error) -> bool {
    let duplicate = [SqlState::DUPLICATE_DATABASE, SqlState::DUPLICATE_OBJECT, SqlState::UNIQUE_VIOLATION];
    error.code().is_some_and(|state| duplicate.contains(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_holds_what_the_policy_says_and_nothing_else() {
        let rule = DatabaseRule::default();
        assert_eq!(create_database_sql("uni", &rule), "create database \"uni\"");
        let rule = DatabaseRule {
            owner: Some("own;er".into()),
            encoding: Some("UTF8".into()),
            locale: Some("C'.x".into()),
            connection_limit: Some(40),
            ..rule
        };
        assert_eq!(
            create_database_sql("a\"; drop table x; --", &rule),
            "create database \"a\"\"; drop table x; --\" owner \"own;er\" template \"template0\" encoding 'UTF8' \
             locale 'C''.x' connection limit 40"
        );
    }

    #[test]
    fn a_locale_has_several_spellings() {
        assert!(same_locale("en_US.UTF-8", "en_US.utf8"));
        assert!(!same_locale("C", "en_US.utf8"));
    }
}

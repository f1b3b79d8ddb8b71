//! What must exist before the first migration: roles without rights, schema `ops` with history and log, and, for the
//! university's own schema, the default that keeps new functions closed and the one that lets an owner name what another owns
//! ([`NAMES`]). Nothing else is granted here; that is `roles apply`.
//!
//! Only what is missing is made, and what is there is not touched: a GRANT that changes nothing still rewrites a
//! catalog row.

use tokio_postgres::error::SqlState;

use super::keeper::Keeper;
use super::{HISTORY, LOG, MigrateError, MigrationSet};
use crate::{DbError, Session, quote_ident};

/// Roles that own what migrations create. Nobody logs in as one.
pub const OWNERS: [&str; 5] = ["app_owner", "analysis_owner", "qa_owner", "etl_owner", "ops_owner"];

/// Roles that the privilege policy is about. Made without login and without any right.
pub const POLICY_ROLES: [&str; 6] = ["admin", "dba", "app_user", "d_analyst", "d_engineer", "qa_engineer"];

/// Owners that may name (USAGE, not SELECT) what is in the schemas of another: a view is made by its owner, who must be able to
/// name its tables, and a migration grants nothing. Reading them is the policy's to allow.
const NAMES: [(&str, &str); 1] = [("app_owner", "analysis_owner")];

/// Who owns schema `ops` where nobody does yet.
const OPS_OWNER: &str = OWNERS[4];

const CREATE_HISTORY: &str = include_str!("../../../../sql/migrate/create_history.sql");
const CREATE_LOG: &str = include_str!("../../../../sql/migrate/create_log.sql");

/// Makes what is missing. Returns what it made, for people.
///
/// # Errors
/// [`MigrateError::NotPermitted`] with the SQL to run, when the login may not.
pub(crate) async fn prepare(session: &Session, set: &MigrationSet) -> Result<Vec<String>, MigrateError> {
    let row = session
        .query_one(include_str!("../../../../sql/migrate/login.sql"), &[])
        .await
        .map_err(DbError::doing("ask who this login is"))?;
    let mut owners = set.owners();
    let keeper = Keeper::find(session).await?;
    let ops_owner =
        keeper.owner().map(str::to_owned).or_else(|| owners.iter().find(|o| *o == OPS_OWNER).cloned());
    // A set that names no owner for the history leaves it with the login.
    owners.extend(ops_owner.clone().filter(|owner| !owners.contains(owner)));
    let login = row.get("login");
    let mut work =
        Work { session, login, owners, version: row.get("version"), made: vec![], refused: vec![] };
    work.roles(&set.roles()).await?;
    work.memberships().await?;
    if !row.get::<_, bool>("may_create") {
        // The first migration creates schemas as this login, too.
        let database = quote_ident(row.get("database"));
        work.refused.push(format!("grant create on database {database} to {}", quote_ident(&work.login)));
    }
    if !work.refused.is_empty() {
        return Err(MigrateError::NotPermitted { login: work.login, sql: work.refused });
    }
    if !row.get::<_, bool>("has_ops") {
        let owner = quote_ident(ops_owner.as_deref().unwrap_or(&work.login));
        work.run(format!("create schema ops authorization {owner}"), "schema ops").await?;
    }
    if set.is_builtin() {
        work.defaults().await?;
    }
    let keeper = Keeper::find(session).await?;
    let tables = [
        (HISTORY, include_str!("../../../../sql/migrate/history_exists.sql"), CREATE_HISTORY),
        (LOG, include_str!("../../../../sql/migrate/log_exists.sql"), CREATE_LOG),
    ];
    for (table, exists, create) in tables {
        work.table(&keeper, table, exists, create).await?;
    }
    Ok(work.made)
}

struct Work<'a> {
    session: &'a Session,
    login: String,
    /// Whom the login works as.
    owners: Vec<String>,
    version: i32,
    made: Vec<String>,
    /// Statements the server refused this login.
    refused: Vec<String>,
}

impl Work<'_> {
    /// Roles belong to the server: a runner on another database may make the same one at this moment.
    async fn roles(&mut self, wanted: &[String]) -> Result<(), DbError> {
        for role in self.names(include_str!("../../../../sql/migrate/missing_roles.sql"), wanted).await? {
            self.run(format!("create role {} nologin", quote_ident(&role)), &format!("role {role}")).await?;
        }
        Ok(())
    }

    /// A login that is no superuser works as an owner only where it is a member.
    async fn memberships(&mut self) -> Result<(), DbError> {
        let unreachable = include_str!("../../../../sql/migrate/unreachable_owners.sql");
        let mut owners = self.names(unreachable, &self.owners).await?;
        if !self.refused.is_empty() {
            // The missing ones will need it too, once somebody has made them.
            let missing = include_str!("../../../../sql/migrate/missing_roles.sql");
            owners.extend(self.names(missing, &self.owners).await?);
        }
        // From 16 on: may become the owner when asked, does not have its rights all the time.
        let options = if self.version >= 160_000 { " with inherit false, set true" } else { "" };
        for owner in owners {
            let grant = format!("grant {} to {}{options}", quote_ident(&owner), quote_ident(&self.login));
            if self.refused.is_empty() {
                self.run(grant, &format!("membership in {owner}")).await?;
            } else {
                self.refused.push(grant);
            }
        }
        Ok(())
    }

    /// Only the default without a schema takes EXECUTE from PUBLIC; the one for a schema does nothing (documentation
    /// of ALTER DEFAULT PRIVILEGES: what is granted globally cannot be revoked per schema).
    async fn defaults(&mut self) -> Result<(), DbError> {
        let open = include_str!("../../../../sql/migrate/open_defaults.sql");
        for owner in self.names(open, &self.owners).await? {
            let what = format!("closed default for functions of {owner}");
            self.default_of(&owner, "revoke execute on functions from public", what).await?;
        }
        for (owner, other) in NAMES {
            let missing = include_str!("../../../../sql/migrate/schema_default_missing.sql");
            let doing = DbError::doing("look up the default privileges");
            if self.session.query_one(missing, &[&owner, &other]).await.map_err(doing)?.get(0) {
                let change = format!("grant usage on schemas to {}", quote_ident(other));
                let what = format!("default for schemas of {owner}: {other} may name what is there");
                self.default_of(owner, &change, what).await?;
            }
        }
        Ok(())
    }

    /// As the owner: from 16 on, FOR ROLE wants more than a membership that only allows SET ROLE.
    async fn default_of(&mut self, owner: &str, change: &str, what: String) -> Result<(), DbError> {
        let role = quote_ident(owner);
        // One simple query is one transaction.
        let statement = format!("set local role {role}; alter default privileges {change}");
        self.session.batch_execute(&statement).await.map_err(DbError::doing(format!("make the {what}")))?;
        self.made.push(what);
        Ok(())
    }

    async fn table(
        &mut self,
        keeper: &Keeper,
        table: &str,
        exists: &str,
        create: &str,
    ) -> Result<(), DbError> {
        let doing = || DbError::doing(format!("create {table}"));
        if self.session.query_one(exists, &[]).await.map_err(doing())?.get(0) {
            return Ok(());
        }
        // One simple query is one transaction.
        let create = format!("{};\n{create}", keeper.set_local_role());
        self.session.batch_execute(&create).await.map_err(doing())?;
        self.made.push(format!("table {table}"));
        Ok(())
    }

    async fn names(&self, query: &str, among: &[String]) -> Result<Vec<String>, DbError> {
        let rows = self.session.query(query, &[&among]).await.map_err(DbError::doing("look up the roles"))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn run(&mut self, statement: String, what: &str) -> Result<(), DbError> {
        match self.session.batch_execute(&statement).await {
            Ok(()) => self.made.push(what.into()),
            Err(error) => match error.code() {
                Some(&SqlState::INSUFFICIENT_PRIVILEGE) => self.refused.push(statement),
                // Somebody was faster: it is there, which is all that was wanted.
                Some(&SqlState::DUPLICATE_OBJECT | &SqlState::UNIQUE_VIOLATION) => {}
                _ => return Err(DbError::doing(format!("create {what}"))(error)),
            },
        }
        Ok(())
    }
}

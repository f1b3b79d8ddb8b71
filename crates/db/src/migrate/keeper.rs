//! Whoever owns schema `ops` keeps the history. The university's is `ops_owner`; another database's may be any role.

use super::history::History;
use crate::{DbError, Session, quote_ident};

/// The owner of schema `ops`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keeper {
    owner: Option<String>,
    /// Whether the login works as the owner, by becoming it.
    reachable: bool,
}

impl Keeper {
    /// Looks the owner up.
    pub(crate) async fn find(session: &Session) -> Result<Self, DbError> {
        let query = include_str!("../../../../sql/migrate/keeper.sql");
        let row =
            session.query_opt(query, &[]).await.map_err(session.doing("look up who owns schema ops"))?;
        Ok(row.map_or_else(Self::default, |row| Self { owner: row.get(0), reachable: row.get(1) }))
    }

    /// Returns the owner, if the schema exists.
    pub(crate) fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// Returns what a transaction says first, to work on the history; the login's own rights where the owner cannot be had.
    pub(crate) fn set_local_role(&self) -> String {
        let role = match &self.owner {
            Some(owner) if self.reachable => quote_ident(owner),
            _ => "none".into(),
        };
        format!("set local role {role}; set local search_path = ''")
    }

    /// Begins a transaction in which the history can be written.
    pub(crate) async fn begin(&self, session: &Session) -> Result<(), tokio_postgres::Error> {
        session.batch_execute(&format!("begin; {}", self.set_local_role())).await
    }

    /// Reads the history.
    pub(crate) async fn read(&self, session: &Session) -> Result<History, DbError> {
        self.begin(session).await.map_err(session.doing("read the migration history"))?;
        let history = History::read(session).await;
        session.batch_execute("rollback").await.map_err(session.doing("read the migration history"))?;
        history
    }
}

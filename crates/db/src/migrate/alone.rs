//! One migration outside of a transaction: a single statement that makes its own, such as CREATE INDEX CONCURRENTLY.
//!
//! It cannot be undone, and the history is written after it. The log is told before: when the runner dies in between, it
//! says so, and the next run looks at what is there.

use squawk_syntax::ast::{self, AstNode};

use super::apply::{Failed, Work, line};
use super::calm::calm;
use super::log::{Outcome, finish};
use super::parsed::Parsed;
use super::targets::identifier;
use super::{Event, RunAs};
use crate::error::ServerError;
use crate::quote_ident;

/// The index that CREATE INDEX CONCURRENTLY makes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Index {
    schema: String,
    name: String,
}

impl Work<'_> {
    /// Runs the one statement, then writes `history`.
    pub(crate) async fn outside_transaction(
        &self,
        sql: &str,
        history: &str,
        tell: &(dyn Fn(&Event<'_>) + Sync),
    ) -> Result<(), Failed> {
        let plain = |error| self.refused(error);
        calm(self.session).await.map_err(plain)?;
        let index = index(sql);
        let mut there = false;
        if let Some(index) = &index {
            there = self.clear_way(index, tell).await?;
        }
        let log = self.entry(Outcome::Started, None);
        let log = log.write_alone(self.session, self.keeper, self.options).await.map_err(plain)?;
        if !there {
            let invalid = self.invalid().await?;
            self.become_owner().await?;
            let result = self.session.batch_execute(sql).await;
            if let Err(error) = result {
                return Err(self.half_done(self.session.server_error(error), sql, log, &invalid).await);
            }
            calm(self.session).await.map_err(plain)?;
        }
        self.record(history, log).await
    }

    async fn record(&self, history: &str, log: i64) -> Result<(), Failed> {
        let unknown = |error| {
            let source = self.session.server_error(error);
            if source.is_connection_lost() { Failed::Unknown(source) } else { self.refused_by(source) }
        };
        self.keeper.begin(self.session).await.map_err(unknown)?;
        self.session.batch_execute(history).await.map_err(unknown)?;
        finish(self.session, log, Outcome::Done, None).await.map_err(unknown)?;
        self.session.batch_execute("commit").await.map_err(unknown)
    }

    /// An invalid index of that name is what an earlier attempt left: it is dropped. A valid one is there already when
    /// the run that made it died before it could say so. Returns whether it is.
    async fn clear_way(&self, index: &Index, tell: &(dyn Fn(&Event<'_>) + Sync)) -> Result<bool, Failed> {
        let plain = |error| self.refused(error);
        let query = include_str!("../../../../sql/migrate/index_state.sql");
        let state = self.session.query_opt(query, &[&index.schema, &index.name]).await.map_err(plain)?;
        let Some(state) = state else { return Ok(false) };
        let (valid, building): (bool, bool) = (state.get(0), state.get(1));
        if valid {
            return self.was_interrupted().await.map_err(plain);
        }
        if !building {
            let name = format!("{}.{}", quote_ident(&index.schema), quote_ident(&index.name));
            self.become_owner().await?;
            let drop = format!("drop index concurrently {name}");
            self.session.batch_execute(&drop).await.map_err(plain)?;
            calm(self.session).await.map_err(plain)?;
            tell(&Event::DroppedInvalid { file: self.file, index: &name });
        }
        Ok(false)
    }

    async fn was_interrupted(&self) -> Result<bool, tokio_postgres::Error> {
        self.keeper.begin(self.session).await?;
        let rows = self.session.query(include_str!("../../../../sql/migrate/interrupted.sql"), &[]).await;
        self.session.batch_execute("rollback").await?;
        let started = |row: &tokio_postgres::Row| {
            row.get::<_, i32>(0) == self.file.version() && row.get::<_, &str>(1) == "started"
        };
        Ok(rows?.iter().any(started))
    }

    pub(super) async fn become_owner(&self) -> Result<(), Failed> {
        let role = match self.file.run_as() {
            RunAs::Login => String::new(),
            RunAs::Owner(role) => format!("set role {};", quote_ident(role)),
        };
        // Such a statement waits for every transaction that is older, and keeps nobody but schema changes waiting.
        let settings = format!(
            "set lock_timeout = '{}ms'; set statement_timeout = 0; set search_path = ''; {role}",
            self.options.patience.as_millis()
        );
        self.session.batch_execute(&settings).await.map_err(|error| self.refused(error))
    }

    async fn invalid(&self) -> Result<Vec<String>, Failed> {
        let query = include_str!("../../../../sql/migrate/invalid_indexes.sql");
        let rows = self.session.query(query, &[]).await.map_err(|error| self.refused(error))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Finds out what a failed statement left, and notes the failure.
    async fn half_done(&self, source: ServerError, sql: &str, log: i64, before: &[String]) -> Failed {
        if source.is_connection_lost() {
            return Failed::Unknown(source);
        }
        calm(self.session).await.ok();
        let mut invalid = self.invalid().await.unwrap_or_default();
        invalid.retain(|index| !before.contains(index));
        if self.keeper.begin(self.session).await.is_ok() {
            // The log is for later; what the statement said is to be told in any case.
            finish(self.session, log, Outcome::Failed, Some(&source.to_string())).await.ok();
            self.session.batch_execute("commit").await.ok();
        }
        Failed::HalfDone { line: line(&source, sql, 0), source, invalid }
    }
}

/// Returns the index a text creates concurrently, where it names index and schema.
fn index(sql: &str) -> Option<Index> {
    let parsed = Parsed::new(sql);
    let ast::Stmt::CreateIndex(create) = parsed.statements().next()? else { return None };
    create.concurrently_token()?;
    let name = identifier(&create.index()?.syntax().text().to_string());
    let table = create.table_relation_name()?.table_name_ref()?.syntax().text().to_string();
    let (schema, _) = table.split_once('.')?;
    Some(Index { schema: identifier(schema), name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_named_as_the_server_names_it() {
        let of = |sql: &str| index(sql).map(|i| format!("{}/{}", i.schema, i.name));
        assert_eq!(of("create index concurrently Big on only App.t (a);").as_deref(), Some("app/big"));
        let quoted =
            "-- x\ncreate unique index concurrently if not exists \"B\"\"g\" on \"App\".t using gin (a)";
        assert_eq!(of(quoted).as_deref(), Some("App/B\"g"));
        assert_eq!(of("create index concurrently on app.t (a)"), None, "the server chooses the name");
        assert_eq!(of("create index i on app.t (a)"), None);
        assert_eq!(of("reindex index concurrently app.i"), None);
    }
}

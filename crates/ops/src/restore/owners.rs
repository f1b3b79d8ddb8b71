//! Letting tables' owners load their own rows, on a scratch server.

use std::collections::BTreeSet;

use unisys_db::{Session, quote_ident};

use super::load::{LoadAs, Restore};
use crate::OpsError;

/// What was opened so that every table's owner can log in and reach its tables, to be closed again: on a scratch server only.
#[derive(Default)]
pub(super) struct Opened {
    undo: Vec<String>,
}

impl Opened {
    pub(super) async fn for_owners(restore: &Restore, session: &Session) -> Result<Self, OpsError> {
        let mut opened = Self::default();
        if restore.load_as == LoadAs::Login {
            return Ok(opened);
        }
        let tables = restore.backup.facts.tables.iter().map(|facts| &facts.table);
        let pairs: BTreeSet<(&str, &str)> =
            tables.map(|table| (table.owner.as_str(), table.name.schema.as_str())).collect();
        let owners: BTreeSet<&str> = pairs.iter().map(|(owner, _)| *owner).collect();
        for owner in owners {
            opened.role(session, owner).await?;
        }
        for (owner, schema) in pairs {
            opened.schema(session, owner, schema).await?;
        }
        opened.tables(session).await?;
        Ok(opened)
    }

    /// Lets a role log in.
    pub(super) async fn role(&mut self, session: &Session, owner: &str) -> Result<(), OpsError> {
        let sql = "select rolcanlogin, rolconnlimit from pg_catalog.pg_roles where rolname = $1";
        let row = session.query_one(sql, &[&owner]).await.map_err(session.doing("look up an owner"))?;
        let (login, limit): (bool, i32) = (row.get(0), row.get(1));
        let (role, word) = (quote_ident(owner), if login { "login" } else { "nologin" });
        if !login || limit != -1 {
            self.undo.push(format!("alter role {role} {word} connection limit {limit}"));
            self.execute(session, &format!("alter role {role} login connection limit -1")).await?;
        }
        Ok(())
    }

    /// Lets a role reach what is in a schema.
    pub(super) async fn schema(
        &mut self,
        session: &Session,
        owner: &str,
        schema: &str,
    ) -> Result<(), OpsError> {
        let sql = "select pg_catalog.has_schema_privilege($1::text, $2::text, 'usage')";
        let row = session
            .query_one(sql, &[&owner, &schema])
            .await
            .map_err(session.doing("look up a schema's privileges"))?;
        if !row.get::<_, bool>(0) {
            let (role, schema) = (quote_ident(owner), quote_ident(schema));
            self.undo.push(format!("revoke usage on schema {schema} from {role}"));
            self.execute(session, &format!("grant usage on schema {schema} to {role}")).await?;
        }
        Ok(())
    }

    /// Lets the owners fill tables on which they took that right from themselves.
    async fn tables(&mut self, session: &Session) -> Result<(), OpsError> {
        let sql = include_str!("../../../../sql/restore/revoked_from_owners.sql");
        let rows = session.query(sql, &[]).await.map_err(session.doing("look up what owners may not do"))?;
        for row in rows {
            let text = |column| quote_ident(row.get(column));
            let (schema, name, owner) = (text("schema"), text("name"), text("owner"));
            let privilege: &str = row.get("privilege");
            self.undo.push(format!("revoke {privilege} on table {schema}.{name} from {owner}"));
            self.execute(session, &format!("grant {privilege} on table {schema}.{name} to {owner}")).await?;
        }
        Ok(())
    }

    async fn execute(&self, session: &Session, sql: &str) -> Result<(), OpsError> {
        Ok(session
            .batch_execute(sql)
            .await
            .map_err(session.doing("let the tables' owners load their rows"))?)
    }

    pub(super) async fn close(self, session: &Session) -> Result<(), OpsError> {
        for sql in &self.undo {
            self.execute(session, sql).await?;
        }
        Ok(())
    }
}

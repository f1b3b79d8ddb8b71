//! Whose the tables are: a load works on each as its owner.

use super::table::{DERIVED, Table};
use crate::{DbError, Session, TableName};

/// Whom to be for each schema's tables.
pub(super) struct Owners {
    /// By schema, quoted where needed. A superuser stays one: a foreign key to these tables may stand on somebody else's.
    roles: Vec<(String, String)>,
}

impl Owners {
    pub(super) async fn find(session: &Session) -> Result<Self, DbError> {
        let query = include_str!("../../../../sql/generate/owner.sql");
        let mut roles = vec![];
        for (table, _) in lists() {
            let doing = DbError::doing(format!("look up the owner of {table}"));
            let row = session.query_one(query, &[&table.schema, &table.name]).await.map_err(doing)?;
            if !row.get::<_, bool>("superuser") {
                roles.push((table.schema, row.get("owner")));
            }
        }
        Ok(Self { roles })
    }

    /// Becomes the owner of a table.
    pub(super) async fn work_on(&self, session: &Session, table: &TableName) -> Result<(), DbError> {
        let Some((_, role)) = self.roles.iter().find(|(schema, _)| *schema == table.schema) else {
            return Ok(());
        };
        let doing = DbError::doing(format!("become {role}, who owns {table}"));
        session.batch_execute(&format!("set role {role}")).await.map_err(doing)
    }
}

/// Every table that is emptied: the generated ones, and those whose rows follow from them.
pub(super) fn tables() -> Vec<TableName> {
    let derived = DERIVED.into_iter().map(|name| TableName::new("app", name));
    Table::ALL.into_iter().map(Table::name).chain(derived).collect()
}

/// The tables of an owner, as one of them and all of them in SQL.
pub(super) fn lists() -> Vec<(TableName, String)> {
    let of = |first: TableName| {
        let names: Vec<String> = of_schema(&first.schema).map(|table| table.quoted()).collect();
        (first, names.join(", "))
    };
    [Table::Students, Table::LoadRuns].map(|table| of(table.name())).into()
}

pub(super) fn of_schema(schema: &str) -> impl Iterator<Item = TableName> {
    tables().into_iter().filter(move |table| table.schema == schema)
}

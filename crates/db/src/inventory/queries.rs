//! The queries an inventory is made of, one file per subject, and when each applies.

use std::collections::HashSet;

use crate::{DbError, Session};

pub(super) const MARK: &str = include_str!("../../../../sql/inventory/mark.sql");
pub(super) const IN_TRANSACTION: &str = include_str!("../../../../sql/inventory/in_transaction.sql");
pub(super) const READ_SETTINGS: &str = include_str!("../../../../sql/inventory/read_settings.sql");
pub(super) const SET_SETTINGS: &str = include_str!("../../../../sql/inventory/set_settings.sql");
const READABLE: &str = include_str!("../../../../sql/inventory/readable.sql");

/// Catalogs that not everybody may read.
const GUARDED: [&str; 2] = ["pg_catalog.pg_authid", "pg_catalog.pg_user_mapping"];

/// One query. Each of its rows is an item or a part of one: `kind` text, `name` text, `detail` json of texts.
pub(super) struct Query {
    /// What it reads, for an error: "could not read the inventory of columns".
    pub(super) subject: &'static str,
    pub(super) sql: &'static str,
    pub(super) when: When,
}

/// When a query applies. Versions are as in `server_version_num`.
pub(super) enum When {
    Always,
    Since(i32),
    Before(i32),
    Readable(&'static str),
    NotReadable(&'static str),
}

impl When {
    pub(super) fn holds(&self, facts: &Facts) -> bool {
        match self {
            Self::Always => true,
            Self::Since(version) => facts.version >= *version,
            Self::Before(version) => facts.version < *version,
            Self::Readable(catalog) => facts.readable.contains(*catalog),
            Self::NotReadable(catalog) => !facts.readable.contains(*catalog),
        }
    }
}

/// What decides which queries apply.
pub(super) struct Facts {
    version: i32,
    readable: HashSet<String>,
}

impl Facts {
    pub(super) async fn of(session: &Session) -> Result<Self, DbError> {
        let failed = || DbError::doing("look up what the inventory may read");
        let rows = session.query(READABLE, &[&GUARDED.as_slice()]).await.map_err(failed())?;
        let version = rows.first().map_or(0, |row| row.get("version"));
        let readable = rows.iter().filter(|row| row.get("readable")).map(|row| row.get("name")).collect();
        Ok(Self { version, readable })
    }
}

macro_rules! query {
    ($file:literal, $subject:literal) => {
        query!($file, $subject, When::Always)
    };
    ($file:literal, $subject:literal, $when:expr) => {
        Query {
            subject: $subject,
            sql: include_str!(concat!("../../../../sql/inventory/", $file, ".sql")),
            when: $when,
        }
    };
}

/// The subjects that tell about roles and granted parameters.
const OF_ROLES: [&str; 7] = [
    "roles",
    "role passwords",
    "role settings",
    "role memberships",
    "parameter privileges",
    "shared comments",
    "shared security labels",
];

/// Whether a query may tell about roles or granted parameters.
pub(super) fn is_of_roles(query: &Query) -> bool {
    OF_ROLES.contains(&query.subject)
}

/// All of them, in no particular order: items of the same kind and name are merged.
pub(super) const QUERIES: &[Query] = &[
    query!("database", "the database"),
    query!("database_settings", "database settings"),
    query!("roles", "roles"),
    query!("role_passwords", "role passwords", When::Readable("pg_catalog.pg_authid")),
    query!("role_passwords_hidden", "role passwords", When::NotReadable("pg_catalog.pg_authid")),
    query!("role_settings", "role settings"),
    query!("role_memberships", "role memberships"),
    query!("tablespaces", "tablespaces"),
    query!("parameter_privileges", "parameter privileges", When::Since(150_000)),
    query!("schemas", "schemas"),
    query!("extensions", "extensions"),
    query!("relations", "relations"),
    query!("columns", "columns"),
    query!("table_constraints", "table constraints"),
    query!("domain_constraints", "domain constraints"),
    query!("indexes", "indexes"),
    query!("sequences", "sequences"),
    query!("triggers", "triggers"),
    query!("rules", "rules"),
    query!("policies", "policies"),
    query!("routines", "routines"),
    query!("aggregates", "aggregates"),
    query!("types", "types"),
    query!("base_types", "base types"),
    query!("range_types", "range types"),
    query!("casts", "casts"),
    query!("transforms", "transforms"),
    query!("operators", "operators"),
    query!("operator_classes", "operator classes"),
    query!("operator_families", "operator families"),
    query!("access_methods", "access methods"),
    query!("languages", "languages"),
    query!("collations", "collations"),
    query!("conversions", "conversions"),
    query!("text_search_configurations", "text search configurations"),
    query!("text_search_dictionaries", "text search dictionaries"),
    query!("text_search_parsers", "text search parsers"),
    query!("text_search_templates", "text search templates"),
    query!("statistics", "statistics"),
    query!("event_triggers", "event triggers"),
    query!("publications", "publications"),
    query!("publication_tables", "publications' tables", When::Since(150_000)),
    query!("publication_tables_14", "publications' tables", When::Before(150_000)),
    query!("publication_schemas", "publications' schemas", When::Since(150_000)),
    query!("subscriptions", "subscriptions"),
    query!("foreign_data_wrappers", "foreign data wrappers"),
    query!("foreign_servers", "foreign servers"),
    query!("user_mappings", "user mappings", When::Readable("pg_catalog.pg_user_mapping")),
    query!("user_mappings_visible", "user mappings", When::NotReadable("pg_catalog.pg_user_mapping")),
    query!("privileges", "privileges"),
    query!("system_privileges", "system privileges"),
    query!("comments", "comments"),
    query!("shared_comments", "shared comments"),
    query!("security_labels", "security labels"),
    query!("shared_security_labels", "shared security labels"),
    query!("extension_dependencies", "extension dependencies"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_used_and_says_what_a_row_is() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sql/inventory");
        let used: HashSet<&str> = QUERIES
            .iter()
            .map(|query| query.sql)
            .chain([MARK, IN_TRANSACTION, READ_SETTINGS, SET_SETTINGS, READABLE])
            .collect();
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let sql = std::fs::read_to_string(&path).unwrap();
            assert!(used.contains(sql.as_str()), "{} is used by no query", path.display());
            assert!(sql.starts_with("-- One row"), "{} does not say what a row is", path.display());
        }
    }

    #[test]
    fn a_catalog_is_asked_for_only_where_it_may_be_read() {
        let facts = Facts { version: 140_000, readable: HashSet::from(["a".to_owned()]) };
        assert!(When::Readable("a").holds(&facts) && !When::NotReadable("a").holds(&facts));
        assert!(!When::Readable("b").holds(&facts) && When::NotReadable("b").holds(&facts));
        assert!(When::Before(150_000).holds(&facts) && !When::Since(150_000).holds(&facts));
    }
}

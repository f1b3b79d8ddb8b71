//! The database itself: what `CREATE DATABASE` and `ALTER DATABASE` must say to make it again. `pg_dumpall --globals-only`
//! has none of this.

use serde::{Deserialize, Serialize};

use crate::{DbError, Session, quote_ident, quote_literal};

/// A setting of the database, for everybody or for one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseSetting {
    /// The role it is for; everybody where there is none.
    pub role: Option<String>,
    /// The setting's name.
    pub name: String,
    /// Its value as the catalog holds it.
    pub value: String,
}

/// A privilege on the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseGrant {
    /// Who has it; PUBLIC where there is none.
    pub grantee: Option<String>,
    /// CONNECT, CREATE or TEMPORARY.
    pub privilege: String,
    /// Whether it may be granted on.
    pub grantable: bool,
}

/// What a database is, apart from what is in it, and which server it is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseFacts {
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: String,
    /// Its encoding, such as `UTF8`.
    pub encoding: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// The locale provider: `c` libc, `i` ICU, `b` built in.
    pub provider: String,
    /// The locale of the ICU or built-in provider.
    pub locale: Option<String>,
    /// Additional ICU rules (PostgreSQL 16 and later).
    pub icu_rules: Option<String>,
    /// The version of the collation, as its provider gave it when the database was made.
    pub collation_version: Option<String>,
    /// How many sessions it allows; -1 for no limit.
    pub connection_limit: i32,
    /// Its comment.
    pub comment: Option<String>,
    /// Its access list; `None` stands for PostgreSQL's default.
    pub grants: Option<Vec<DatabaseGrant>>,
    /// Its settings.
    pub settings: Vec<DatabaseSetting>,
    /// The cluster's identifier, as `pg_control_system()` gives it.
    pub system_identifier: String,
    /// The name of the cluster's bootstrap superuser.
    pub bootstrap_role: String,
    /// The server's version for people.
    pub server_version: String,
    /// The server's version as a number, such as 150018.
    pub server_version_num: u32,
    /// Whether the server is a standby.
    pub standby: bool,
    /// The size of the database, in bytes.
    pub bytes: u64,
}

impl DatabaseFacts {
    /// Reads them in the session's transaction.
    ///
    /// # Errors
    /// [`DbError::Query`].
    pub async fn load(session: &Session) -> Result<Self, DbError> {
        let sql = include_str!("../../../../sql/catalog/database.sql");
        let row =
            session.query_one(sql, &[]).await.map_err(DbError::doing("read the database's properties"))?;
        let has_acl: bool = row.get("has_acl");
        Ok(Self {
            name: row.get("name"),
            owner: row.get("owner"),
            encoding: row.get("encoding"),
            collate: row.get("collate"),
            ctype: row.get("ctype"),
            provider: row.get("provider"),
            locale: row.get("locale"),
            icu_rules: row.get("icu_rules"),
            collation_version: row.get("collation_version"),
            connection_limit: row.get("connection_limit"),
            comment: row.get("comment"),
            grants: if has_acl { Some(load_grants(session).await?) } else { None },
            settings: load_settings(session).await?,
            system_identifier: row.get("system_identifier"),
            bootstrap_role: row.get("bootstrap_role"),
            server_version: row.get("server_version"),
            server_version_num: u32::try_from(row.get::<_, i32>("server_version_num")).unwrap_or(0),
            standby: row.get("standby"),
            bytes: u64::try_from(row.get::<_, i64>("bytes")).unwrap_or(0),
        })
    }

    /// Returns the server's major version.
    pub fn major(&self) -> u32 {
        self.server_version_num / 10_000
    }

    /// Returns the statements that create this database under `name`, with its owner, encoding and locale.
    pub fn create_sql(&self, name: &str) -> String {
        let mut sql = format!(
            "create database {} template template0 owner {} encoding {} lc_collate {} lc_ctype {} connection limit {}",
            quote_ident(name),
            quote_ident(&self.owner),
            quote_literal(&self.encoding),
            quote_literal(&self.collate),
            quote_literal(&self.ctype),
            self.connection_limit.max(-1)
        );
        // PostgreSQL 14 knows one provider and no such option
        match (self.provider.as_str(), &self.locale) {
            ("i", Some(locale)) => {
                sql.push_str(&format!(" locale_provider icu icu_locale {}", quote_literal(locale)));
            }
            ("b", Some(locale)) => {
                sql.push_str(&format!(" locale_provider builtin builtin_locale {}", quote_literal(locale)));
            }
            _ if self.major() >= 15 => sql.push_str(" locale_provider libc"),
            _ => {}
        }
        if let Some(rules) = &self.icu_rules {
            sql.push_str(&format!(" icu_rules {}", quote_literal(rules)));
        }
        sql
    }

    /// Returns the statements that give the database `name` this one's comment, access list and settings.
    pub fn alter_sql(&self, name: &str) -> Vec<String> {
        let database = quote_ident(name);
        let mut statements = Vec::new();
        if let Some(comment) = &self.comment {
            statements.push(format!("comment on database {database} is {}", quote_literal(comment)));
        }
        if let Some(grants) = &self.grants {
            statements.push(format!("revoke all on database {database} from public"));
            statements.push(format!("revoke all on database {database} from {}", quote_ident(&self.owner)));
            statements.extend(grants.iter().map(|grant| grant.sql(&database)));
        }
        statements.extend(self.settings.iter().map(|setting| setting.sql(&database)));
        statements
    }
}

impl DatabaseGrant {
    fn sql(&self, database: &str) -> String {
        let grantee = self.grantee.as_deref().map_or("public".to_owned(), quote_ident);
        let option = if self.grantable { " with grant option" } else { "" };
        format!("grant {} on database {database} to {grantee}{option}", self.privilege)
    }
}

impl DatabaseSetting {
    fn sql(&self, database: &str) -> String {
        let whom = match &self.role {
            Some(role) => format!("role {} in database {database}", quote_ident(role)),
            None => format!("database {database}"),
        };
        format!(
            "alter {whom} set {} to {}",
            quote_setting_name(&self.name),
            setting_value(&self.name, &self.value)
        )
    }
}

/// A setting's name may be of two parts: `plpgsql.check_asserts`.
fn quote_setting_name(name: &str) -> String {
    name.split('.').map(quote_ident).collect::<Vec<_>>().join(".")
}

/// The settings whose value is a list of quoted names (GUC_LIST_QUOTE in PostgreSQL's source, `variable_is_guc_list_quote`
/// in pg_dump's): their stored form is already a list and must not become one string.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

fn setting_value(name: &str, value: &str) -> String {
    if !LISTS.contains(&name.to_ascii_lowercase().as_str()) {
        return quote_literal(value);
    }
    let items = split_list(value);
    if items.is_empty() {
        "''".into()
    } else {
        items.iter().map(|item| quote_literal(item)).collect::<Vec<_>>().join(", ")
    }
}

/// Splits a stored list: names, quoted where they must be, between commas.
fn split_list(value: &str) -> Vec<String> {
    let (mut items, mut item, mut quoted, mut started) = (Vec::new(), String::new(), false, false);
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                item.push('"');
            }
            '"' => {
                quoted = !quoted;
                started = true;
            }
            ',' if !quoted => {
                items.push(std::mem::take(&mut item));
                started = false;
            }
            c if c.is_whitespace() && !quoted => {}
            c => {
                item.push(c);
                started = true;
            }
        }
    }
    if started || !items.is_empty() {
        items.push(item);
    }
    items
}

async fn load_grants(session: &Session) -> Result<Vec<DatabaseGrant>, DbError> {
    let sql = include_str!("../../../../sql/catalog/database_grants.sql");
    let rows = session.query(sql, &[]).await.map_err(DbError::doing("read the database's privileges"))?;
    let grant = |row: &tokio_postgres::Row| DatabaseGrant {
        grantee: row.get("grantee"),
        privilege: row.get("privilege"),
        grantable: row.get("grantable"),
    };
    Ok(rows.iter().map(grant).collect())
}

async fn load_settings(session: &Session) -> Result<Vec<DatabaseSetting>, DbError> {
    let sql = include_str!("../../../../sql/catalog/database_settings.sql");
    let rows = session.query(sql, &[]).await.map_err(DbError::doing("read the database's settings"))?;
    let setting = |row: &tokio_postgres::Row| {
        let text: String = row.get("setting");
        let (name, value) = text.split_once('=').unwrap_or((&text, ""));
        DatabaseSetting { role: row.get("role"), name: name.to_owned(), value: value.to_owned() }
    };
    Ok(rows.iter().map(setting).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("work_mem", "64MB", "'64MB'")]
    #[case("search_path", "\"$user\", public", "'$user', 'public'")]
    #[case("search_path", "\"a,b\", \"c\"\"d\"", "'a,b', 'c\"d'")]
    #[case("search_path", "\"\"", "''")]
    #[case("search_path", "", "''")]
    #[case("application_name", "it's \\ me", " E'it''s \\\\ me'")]
    fn settings_keep_their_meaning(#[case] name: &str, #[case] value: &str, #[case] sql: &str) {
        assert_eq!(setting_value(name, value), sql);
    }
}

//! The names a policy may use: which roles and schemas it knows, and what PostgreSQL allows as a name.

use std::collections::BTreeSet;

use super::read::{Source, Word, nearest};
use crate::pattern::NamePattern;

/// The longest name PostgreSQL keeps, in bytes (`NAMEDATALEN - 1`); it cuts off the rest without an error.
const LONGEST: usize = 63;

/// Roles every server has, some only from a later version on.
const PREDEFINED: [&str; 16] = [
    "pg_checkpoint",
    "pg_create_subscription",
    "pg_database_owner",
    "pg_execute_server_program",
    "pg_maintain",
    "pg_monitor",
    "pg_read_all_data",
    "pg_read_all_settings",
    "pg_read_all_stats",
    "pg_read_server_files",
    "pg_signal_autovacuum_worker",
    "pg_signal_backend",
    "pg_stat_scan_tables",
    "pg_use_reserved_connections",
    "pg_write_all_data",
    "pg_write_server_files",
];

/// Members of these become superusers at will.
pub(super) const LIKE_SUPERUSERS: [&str; 3] =
    ["pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"];

/// What a policy knows.
#[derive(Default)]
pub(super) struct Names {
    /// Declared by `[role.NAME]`.
    pub(super) roles: BTreeSet<String>,
    /// `scope.external`
    pub(super) external: BTreeSet<String>,
    /// `scope.roles`
    pub(super) scope: Vec<NamePattern>,
    /// Declared by `[schema.NAME]`.
    pub(super) schemas: BTreeSet<String>,
}

impl Names {
    /// Returns the name of a role that may be named, not of PUBLIC.
    pub(super) fn role(&self, source: &Source<'_>, word: &Word) -> Option<String> {
        if is_public(&word.text) {
            source.refuse(word.line, "PUBLIC is everybody; here a role is wanted");
            return None;
        }
        self.grantee(source, word)
    }

    /// Returns the name of a role that may be named, or `PUBLIC`.
    pub(super) fn grantee(&self, source: &Source<'_>, word: &Word) -> Option<String> {
        let name = word.text.as_str();
        if is_public(name) {
            return Some("PUBLIC".into());
        }
        if !is_name(source, word) {
            return None;
        }
        let message = if name.starts_with("pg_") {
            if PREDEFINED.contains(&name) {
                return Some(name.into());
            }
            let known = nearest(name, PREDEFINED).map(|known| format!("; did you mean {known}?"));
            format!("{name:?} is no predefined role{}", known.unwrap_or_default())
        } else {
            let known = self.roles.contains(name) || self.external.contains(name);
            if known || self.scope.iter().any(|pattern| pattern.matches(name)) {
                return Some(name.into());
            }
            let known = self.roles.iter().chain(&self.external).map(String::as_str);
            match nearest(name, known) {
                Some(known) => format!("role {name:?} is not declared; did you mean {known:?}?"),
                None => format!(
                    "role {name:?} is not declared; declare it as [role.{name}], or name it in scope.external"
                ),
            }
        };
        source.refuse(word.line, message);
        None
    }

    /// Returns the name of a declared schema.
    pub(super) fn schema(&self, source: &Source<'_>, word: &Word) -> Option<String> {
        let name = word.text.as_str();
        if self.schemas.contains(name) {
            return Some(name.into());
        }
        if is_name(source, word) {
            source.refuse(
                word.line,
                match nearest(name, self.schemas.iter().map(String::as_str)) {
                    Some(known) => format!("schema {name:?} is not declared; did you mean {known:?}?"),
                    None => format!("schema {name:?} is not declared; declare it as [schema.{name}]"),
                },
            );
        }
        None
    }
}

/// Whether this means everybody. No role can be called `public`.
pub(super) fn is_public(name: &str) -> bool {
    name.eq_ignore_ascii_case("public")
}

/// Whether PostgreSQL would keep this name as it is.
pub(super) fn is_name(source: &Source<'_>, word: &Word) -> bool {
    let length = word.text.len();
    let wrong = if length == 0 {
        "a name is empty".into()
    } else if length > LONGEST {
        format!("the name {:?} has {length} bytes, PostgreSQL keeps {LONGEST}", word.text)
    } else if word.text.contains('\0') {
        "a name holds a NUL, which PostgreSQL knows in no text".into()
    } else {
        return true;
    };
    source.refuse(word.line, wrong);
    false
}

/// Whether a role may be declared, or retired, under this name.
pub(super) fn is_own_name(source: &Source<'_>, word: &Word) -> bool {
    let name = word.text.as_str();
    if is_public(name) || name == "none" {
        source.refuse(word.line, format!("no role can be called {name:?}: the word means something else"));
    } else if name.starts_with("pg_") {
        source.refuse(word.line, format!("{name:?} is PostgreSQL's own: names with pg_ are kept for it"));
    } else {
        return is_name(source, word);
    }
    false
}

//! What `pg_dumpall --globals-only` writes, as statements. They are run one by one over a plain connection, never by psql, so
//! nothing in them can be taken for one of psql's commands.

use std::collections::BTreeSet;

use unisys_db::{quote_ident, quote_literal};

/// When a statement is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Before anything else: roles, memberships, tablespaces.
    First,
    /// After the rows are loaded: a role's own settings would govern the sessions that load them.
    AfterRows,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) due: Due,
}

/// Returns the statements in `text`, for a server whose bootstrap superuser is called `bootstrap` and exists already.
/// Tablespaces come back in place: their directories of old belong to another server.
pub(crate) fn statements(text: &str, bootstrap: &str) -> Vec<Statement> {
    split(text)
        .into_iter()
        .filter(|sql| !creates_role(sql, bootstrap))
        .map(|sql| Statement { due: due(&sql), sql: in_place(sql) })
        .collect()
}

/// Returns all statements in `text`, for a server that is not ours alone.
pub(crate) fn all(text: &str) -> Vec<Statement> {
    split(text).into_iter().map(|sql| Statement { due: due(&sql), sql }).collect()
}

/// Splits at semicolons outside quotes; drops comments, psql's commands and SET. pg_dumpall doubles quotes inside quotes and
/// never escapes one with a backslash.
fn split(text: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut statement = String::new();
    let mut quote: Option<char> = None;
    for line in text.split_inclusive('\n') {
        if quote.is_none()
            && statement.trim().is_empty()
            && (line.starts_with("--") || line.starts_with('\\'))
        {
            continue;
        }
        for c in line.chars() {
            match quote {
                Some(open) if c == open => quote = None,
                None if c == '\'' || c == '"' => quote = Some(c),
                _ => {}
            }
            if c == ';' && quote.is_none() {
                statements.push(std::mem::take(&mut statement).trim().to_owned());
            } else {
                statement.push(c);
            }
        }
    }
    statements.retain(|sql| !sql.is_empty() && !sql.starts_with("SET "));
    statements
}

/// Returns the names of the roles that `text` creates.
pub(crate) fn created_roles(text: &str) -> BTreeSet<String> {
    let names = split(text).into_iter();
    names.filter_map(|sql| sql.strip_prefix("CREATE ROLE ").map(unquoted)).collect()
}

/// Returns the names of the roles that `text` alters, describes, grants, or grants something to, but for the server's own. One that
/// is not created came after pg_dumpall had listed the roles.
pub(crate) fn named_roles(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for sql in split(text) {
        let first =
            ["ALTER ROLE ", "COMMENT ON ROLE ", "GRANT "].iter().find_map(|start| sql.strip_prefix(start));
        let Some(first) = first else { continue };
        let granted_to = find_outside_quotes(&sql, " TO ").filter(|_| sql.starts_with("GRANT "));
        let to = granted_to.map(|at| &sql[at + " TO ".len()..]);
        // a privilege on something has no role in the first place
        let about_role = find_outside_quotes(&sql, " ON ").is_none() || sql.starts_with("COMMENT ");
        names.extend([Some(first).filter(|_| about_role), to].into_iter().flatten().map(first_name));
    }
    names.retain(|name| !name.starts_with("pg_") && !matches!(name.as_str(), "ALL" | "PUBLIC"));
    names
}

/// Returns the name that `text` begins with.
fn first_name(text: &str) -> String {
    let end = match text.strip_prefix('"') {
        Some(quoted) => text.len() - after_quoted(quoted).len(),
        None => text.find(' ').unwrap_or(text.len()),
    };
    unquoted(&text[..end])
}

/// Returns the name that `quoted` stands for.
pub(crate) fn unquoted(quoted: &str) -> String {
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| quoted.to_owned(), |inner| inner.replace("\"\"", "\""))
}

/// pg_dumpall quotes a name only where it must.
fn creates_role(sql: &str, role: &str) -> bool {
    sql.strip_prefix("CREATE ROLE ").is_some_and(|name| name == role || name == quote_ident(role))
}

fn due(sql: &str) -> Due {
    let Some(rest) = sql.strip_prefix("ALTER ROLE ") else { return Due::First };
    let after_name = match rest.strip_prefix('"') {
        None => rest.split_once(' ').map_or("", |(_, after)| after),
        Some(quoted) => after_quoted(quoted).trim_start(),
    };
    if after_name.starts_with("SET ") || after_name.starts_with("IN DATABASE ") {
        Due::AfterRows
    } else {
        Due::First
    }
}

/// Returns what follows a quoted name whose opening quote is already taken off.
fn after_quoted(text: &str) -> &str {
    let mut rest = text;
    while let Some(end) = rest.find('"') {
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(doubled) => rest = doubled,
            None => return rest,
        }
    }
    ""
}

fn in_place(sql: String) -> String {
    let location =
        sql.starts_with("CREATE TABLESPACE ").then(|| find_outside_quotes(&sql, " LOCATION ")).flatten();
    match location {
        Some(at) => format!("{} LOCATION {}", &sql[..at], quote_literal("")),
        None => sql,
    }
}

/// Finds a word that is no part of a name or a literal.
fn find_outside_quotes(sql: &str, word: &str) -> Option<usize> {
    let mut quote: Option<char> = None;
    for (at, c) in sql.char_indices() {
        match quote {
            None if sql[at..].starts_with(word) => return Some(at),
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLOBALS: &str = r#"--
-- PostgreSQL database cluster dump
--

\restrict abc

SET default_transaction_read_only = off;

CREATE ROLE alice;
ALTER ROLE alice WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:x;y''z';
CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER;
CREATE ROLE "weird;""name";
ALTER ROLE "weird;""name" SET search_path TO 'a;
-- not a comment
b';
ALTER ROLE alice SET work_mem TO '64MB';
ALTER ROLE alice IN DATABASE x SET work_mem TO '64MB';
GRANT alice TO postgres GRANTED BY postgres;
CREATE TABLESPACE fast OWNER alice LOCATION '/srv/it''s LOCATION here';
"#;

    #[test]
    fn roles_are_named_as_they_are() {
        let names = created_roles(GLOBALS);
        assert_eq!(
            names.iter().map(String::as_str).collect::<Vec<_>>(),
            ["alice", "postgres", "weird;\"name"]
        );
    }

    #[test]
    fn roles_that_are_only_named_are_found() {
        let named = named_roles(
            "GRANT alice TO \"late \"\"TO\"\" one\" WITH INHERIT TRUE GRANTED BY postgres;\n\
             GRANT pg_read_all_data TO bob;\nGRANT ALL ON TABLESPACE fast TO carol;\n\
             GRANT SET ON PARAMETER work_mem TO PUBLIC;\nALTER ROLE dora SET search_path TO 'x', 'TO y';\n\
             COMMENT ON ROLE emil IS 'grants TO nobody';\nCREATE ROLE fay;\nALTER ROLE ALL SET work_mem TO '1MB';\n",
        );
        assert_eq!(
            named.iter().map(String::as_str).collect::<Vec<_>>(),
            ["alice", "bob", "carol", "dora", "emil", "late \"TO\" one"]
        );
        let all = named_roles(GLOBALS);
        assert!(all.is_subset(&created_roles(GLOBALS)), "{all:?}");
    }

    #[test]
    fn statements_are_parted_and_ordered() {
        let statements = statements(GLOBALS, "postgres");
        let of =
            |due| statements.iter().filter(move |s| s.due == due).map(|s| s.sql.as_str()).collect::<Vec<_>>();
        assert_eq!(
            of(Due::First),
            [
                "CREATE ROLE alice",
                "ALTER ROLE alice WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:x;y''z'",
                "ALTER ROLE postgres WITH SUPERUSER",
                "CREATE ROLE \"weird;\"\"name\"",
                "GRANT alice TO postgres GRANTED BY postgres",
                "CREATE TABLESPACE fast OWNER alice LOCATION ''",
            ]
        );
        assert_eq!(
            of(Due::AfterRows),
            [
                "ALTER ROLE \"weird;\"\"name\" SET search_path TO 'a;\n-- not a comment\nb'",
                "ALTER ROLE alice SET work_mem TO '64MB'",
                "ALTER ROLE alice IN DATABASE x SET work_mem TO '64MB'",
            ]
        );
    }
}

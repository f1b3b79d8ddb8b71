//! Names and lists, for SQL and for people.

use crate::quote_ident;
use crate::roles::Privileges;

/// Returns a name for people: on one line, whatever it holds.
pub(super) fn shown(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

/// Returns the first few and how many more there are.
pub(super) fn some(names: &[String]) -> String {
    const FEW: usize = 3;
    let first: Vec<String> = names.iter().take(FEW).map(|name| shown(name)).collect();
    match names.len() {
        0..=FEW => first.join(", "),
        n => format!("{} and {} more", first.join(", "), n - FEW),
    }
}

/// Returns a grantee for SQL: `public` without quotes is everybody, `"PUBLIC"` is a role.
pub(super) fn grantee(name: Option<&str>) -> String {
    name.map_or_else(|| "public".into(), quote_ident)
}

/// Returns `on` or `off` words: `superuser`, `nosuperuser`.
pub(super) fn attribute(on: bool, word: &str) -> String {
    if on { word.to_owned() } else { format!("no{word}") }
}

/// Returns `select, update`, or `select ("a", "b"), update ("a", "b")`.
pub(super) fn of_columns(privileges: Privileges, columns: &[String]) -> String {
    if columns.is_empty() {
        return privileges.words();
    }
    let columns: Vec<String> = columns.iter().map(|column| quote_ident(column)).collect();
    let columns = columns.join(", ");
    privileges.iter().map(|privilege| format!("{privilege} ({columns})")).collect::<Vec<_>>().join(", ")
}

//! Names and literals, quoted for SQL.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Returns `name` as a quoted SQL identifier. Always quoted: no list of reserved words can be out of date.
pub fn quote_ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns `text` as an SQL string literal that means the same whatever `standard_conforming_strings` is.
pub fn quote_literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!(" E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// A table by schema and name, as they stand in the catalog (unquoted).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableName {
    /// The schema.
    pub schema: String,
    /// The table's own name.
    pub name: String,
}

impl TableName {
    /// Returns the table `schema.name`.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// Returns the name for SQL, both parts quoted.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote_ident(&self.schema), quote_ident(&self.name))
    }
}

/// For people: `schema.name`, with control characters escaped so that a hostile name cannot draw on a terminal.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [self.schema.as_str(), ".", self.name.as_str()] {
            for c in part.chars() {
                if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_are_doubled() {
        assert_eq!(quote_ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\b'c"), " E'a\\\\b''c'");
    }

    #[test]
    fn a_name_with_a_newline_prints_on_one_line() {
        assert_eq!(TableName::new("s", "a\nb").to_string(), "s.a\\nb");
    }
}

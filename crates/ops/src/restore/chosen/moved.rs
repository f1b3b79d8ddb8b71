//! Definitions in which some relations stand in another schema. Pure.
//!
//! pg_dump writes every name with its schema (it empties the search path), so a name is two words with a dot between them. What
//! stands in quotes, comments and bodies is left alone, but for the sequences that a default or a `setval` names in a literal.

use std::collections::BTreeSet;

use unisys_db::{TableName, quote_ident, quote_literal};

/// Which relations get which schema.
pub(super) struct Moved<'m> {
    /// The tables, their sequences and indexes, by their names in the source.
    pub(super) relations: BTreeSet<TableName>,
    /// The schema they get.
    pub(super) schema: &'m str,
}

#[derive(Debug, PartialEq, Eq)]
enum Token<'t> {
    /// A word or a quoted name: as it stands there, and the name it is.
    Name(&'t str, String),
    /// A literal: as it stands there, and the text it is.
    Literal(&'t str, String),
    /// Anything else: a sign, a space, a number, a comment, a body.
    Other(&'t str),
}

impl Moved<'_> {
    /// Returns `sql` with the relations in their new schema.
    pub(super) fn sql(&self, sql: &str) -> String {
        let tokens = tokens(sql);
        let mut moved = String::with_capacity(sql.len());
        for (at, token) in tokens.iter().enumerate() {
            match token {
                Token::Name(_, schema) if self.is_schema(&tokens, at, schema) => {
                    moved.push_str(&quote_ident(self.schema));
                }
                Token::Literal(raw, text) => match self.literal(&tokens, at, text) {
                    Some(text) => moved.push_str(quote_literal(&text).trim_start()),
                    None => moved.push_str(raw),
                },
                Token::Name(raw, _) | Token::Other(raw) => moved.push_str(raw),
            }
        }
        moved
    }

    /// Whether the name is the schema of one of the relations.
    fn is_schema(&self, tokens: &[Token<'_>], at: usize, schema: &str) -> bool {
        let after_dot = at > 0 && tokens[at - 1] == Token::Other(".");
        let [Some(Token::Other(".")), Some(Token::Name(_, name))] = [tokens.get(at + 1), tokens.get(at + 2)]
        else {
            return false;
        };
        !after_dot && self.relations.contains(&TableName::new(schema, name))
    }

    /// Returns what a literal becomes that names one of the relations: `'app.s'::regclass`, `setval('app.s', …)`.
    fn literal(&self, tokens: &[Token<'_>], at: usize, text: &str) -> Option<String> {
        let name_at = |at: usize| match tokens.get(at) {
            Some(Token::Name(_, name)) => Some(name.as_str()),
            _ => None,
        };
        let colon = |at: usize| tokens.get(at) == Some(&Token::Other(":"));
        let cast = colon(at + 1) && colon(at + 2) && name_at(at + 3) == Some("regclass");
        let before: Vec<&Token<'_>> =
            tokens[..at].iter().rev().filter(|token| **token != Token::Other(" ")).take(2).collect();
        let set = matches!(before[..], [Token::Other("("), Token::Name(_, name)] if name == "setval");
        if !cast && !set {
            return None;
        }
        let moved = self.sql_of_name(text)?;
        Some(moved)
    }

    fn sql_of_name(&self, text: &str) -> Option<String> {
        let [Token::Name(_, schema), Token::Other("."), Token::Name(raw, name)] = &tokens(text)[..] else {
            return None;
        };
        self.relations
            .contains(&TableName::new(schema.as_str(), name.as_str()))
            .then(|| format!("{}.{raw}", quote_ident(self.schema)))
    }
}

/// Cuts SQL into tokens; put together again they are the same text.
fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (length, token) = token(rest, first);
        let (raw, after) = rest.split_at(length);
        tokens.push(match token {
            Kind::Name(name) => Token::Name(raw, name),
            Kind::Literal(text) => Token::Literal(raw, text),
            Kind::Other => Token::Other(raw),
        });
        rest = after;
    }
    tokens
}

enum Kind {
    Name(String),
    Literal(String),
    Other,
}

/// Returns the length of the first token, and what it is.
fn token(rest: &str, first: char) -> (usize, Kind) {
    let starts_name = |c: char| c.is_alphabetic() || c == '_';
    match first {
        '\'' => {
            quoted(rest, '\'', false).map_or((rest.len(), Kind::Other), |(n, text)| (n, Kind::Literal(text)))
        }
        '"' => quoted(rest, '"', false).map_or((rest.len(), Kind::Other), |(n, text)| (n, Kind::Name(text))),
        'E' | 'e' if rest[1..].starts_with('\'') => match quoted(&rest[1..], '\'', true) {
            Some((length, text)) => (length + 1, Kind::Literal(text)),
            None => (rest.len(), Kind::Other),
        },
        '-' if rest.starts_with("--") => (rest.find('\n').unwrap_or(rest.len()), Kind::Other),
        '/' if rest.starts_with("/*") => (block_comment(rest), Kind::Other),
        '$' => (body(rest).unwrap_or(1), Kind::Other),
        c if starts_name(c) => {
            let length = end_of(rest, |c| c.is_alphanumeric() || c == '_' || c == '$');
            (length, Kind::Name(rest[..length].to_lowercase()))
        }
        // a number and what hangs on it is no name
        c if c.is_ascii_digit() => (end_of(rest, |c| c.is_alphanumeric() || c == '_'), Kind::Other),
        c => (c.len_utf8(), Kind::Other),
    }
}

fn end_of(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// Reads up to the closing quote; a doubled one is one, and with `escapes` a backslash takes the next character as it is.
fn quoted(text: &str, quote: char, escapes: bool) -> Option<(usize, String)> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote && chars.peek().is_some_and(|(_, next)| *next == quote) => {
                chars.next();
                value.push(quote);
            }
            c if c == quote => return Some((at + quote.len_utf8(), value)),
            '\\' if escapes => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// `$tag$ … $tag$`
fn body(text: &str) -> Option<usize> {
    let tag = 1 + end_of(&text[1..], |c| c.is_alphanumeric() || c == '_');
    let delimiter = text.get(..tag + 1).filter(|delimiter| delimiter.ends_with('$'))?;
    let end = text[delimiter.len()..].find(delimiter)?;
    Some(2 * delimiter.len() + end)
}

/// Comments stand in each other.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(sql: &str) -> String {
        let names = [
            ("app", "child"),
            ("app", "child_id_seq"),
            ("App x", "it's \"odd\\"),
            ("app", "parent"),
            ("app", "i"),
        ];
        let relations = names.map(|(schema, name)| TableName::new(schema, name)).into();
        Moved { relations, schema: "Rescue" }.sql(sql)
    }

    #[rstest::rstest]
    #[case("CREATE TABLE app.child (id integer);", "CREATE TABLE \"Rescue\".child (id integer);")]
    #[case(
        "ALTER TABLE ONLY app.child ADD CONSTRAINT f FOREIGN KEY (p) REFERENCES app.parent(id);",
        "ALTER TABLE ONLY \"Rescue\".child ADD CONSTRAINT f FOREIGN KEY (p) REFERENCES \"Rescue\".parent(id);"
    )]
    #[case(
        "ALTER SEQUENCE app.child_id_seq OWNED BY app.child.id;",
        "ALTER SEQUENCE \"Rescue\".child_id_seq OWNED BY \"Rescue\".child.id;"
    )]
    #[case(
        "SET DEFAULT nextval('app.child_id_seq'::regclass);",
        "SET DEFAULT nextval('\"Rescue\".child_id_seq'::regclass);"
    )]
    #[case(
        "SELECT pg_catalog.setval('app.child_id_seq', 5, true);",
        "SELECT pg_catalog.setval('\"Rescue\".child_id_seq', 5, true);"
    )]
    #[case(
        "COPY \"App x\".\"it's \"\"odd\\\" (a) FROM stdin;",
        "COPY \"Rescue\".\"it's \"\"odd\\\" (a) FROM stdin;"
    )]
    #[case(
        "SELECT pg_catalog.setval( E'\"App x\".\"it''s \"\"odd\\\\\"', 5, true);",
        "SELECT pg_catalog.setval( E'\"Rescue\".\"it''s \"\"odd\\\\\"', 5, true);"
    )]
    #[case("COMMENT ON INDEX app.i IS 'of app.child';", "COMMENT ON INDEX \"Rescue\".i IS 'of app.child';")]
    #[case("ALTER TABLE APP.Child x", "ALTER TABLE \"Rescue\".Child x")]
    fn relations_get_their_schema(#[case] sql: &str, #[case] expected: &str) {
        assert_eq!(moved(sql), expected);
    }

    #[rstest::rstest]
    #[case("CREATE TYPE app.mood AS ENUM ('app.child');")]
    #[case("EXECUTE FUNCTION app.f('app.child');")]
    #[case("CHECK (note <> 'app.child'::text)")]
    #[case("SELECT other.app.child, a.app.child")]
    #[case("-- Name: app.child\nSELECT 1")]
    #[case("/* app.child /* app.child */ app.child */ SELECT 1")]
    #[case("AS $x$ select app.child $$ app.child $x$;")]
    #[case("E'\\' app.child' || \"app.child\"")]
    #[case("SELECT $1, 'open app.child")]
    #[case("\"open app.child")]
    #[case("Straße.größe €")]
    fn all_else_stays_as_it_is(#[case] sql: &str) {
        assert_eq!(moved(sql), sql);
    }
}

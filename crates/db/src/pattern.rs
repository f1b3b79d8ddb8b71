//! Patterns that choose tables and schemas: `schema.table`, `*` for any characters, `?` for one, `"…"` for characters as they are.

use thiserror::Error;

use crate::TableName;

/// A pattern for tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TablePattern {
    schema: Option<Glob>,
    name: Glob,
    text: String,
}

/// A pattern that is none.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{0:?} is no pattern for tables: write schema.table, with * and ?, in double quotes what holds a dot"
)]
pub struct PatternError(String);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Glob(Vec<Part>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Char(char),
    One,
    Any,
}

impl TablePattern {
    /// Returns the pattern in `text`. Without a schema it takes tables of every schema. Capitals are capitals: nothing is folded.
    ///
    /// # Errors
    /// [`PatternError`] for an empty name, an open quote or a second dot.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError(text.to_owned());
        let mut parts = parts(text).filter(|parts| parts.len() <= 2).ok_or_else(wrong)?;
        let name = parts.pop().ok_or_else(wrong)?;
        Ok(Self { schema: parts.pop(), name, text: text.to_owned() })
    }

    /// Whether it takes this table.
    pub fn matches(&self, table: &TableName) -> bool {
        self.schema.as_ref().is_none_or(|schema| schema.matches(&table.schema))
            && self.name.matches(&table.name)
    }

    /// Returns it as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// A pattern for schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaPattern {
    name: Glob,
    text: String,
}

/// A pattern that is none.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is no pattern for schemas: write a name, with * and ?, in double quotes what holds a dot")]
pub struct SchemaPatternError(String);

impl SchemaPattern {
    /// Returns the pattern in `text`. Capitals are capitals: nothing is folded.
    ///
    /// # Errors
    /// [`SchemaPatternError`] for an empty name, an open quote or a dot.
    pub fn parse(text: &str) -> Result<Self, SchemaPatternError> {
        let wrong = || SchemaPatternError(text.to_owned());
        let mut parts = parts(text).filter(|parts| parts.len() == 1).ok_or_else(wrong)?;
        Ok(Self { name: parts.pop().ok_or_else(wrong)?, text: text.to_owned() })
    }

    /// Whether it takes this schema.
    pub fn matches(&self, schema: &str) -> bool {
        self.name.matches(schema)
    }

    /// Returns it as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// A pattern for one name of any kind; a dot is a character as any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    name: Glob,
    text: String,
}

/// A pattern that is none.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{0:?} is no pattern for names: write a name, with * and ?, in double quotes what holds one of these"
)]
pub struct NamePatternError(String);

impl NamePattern {
    /// Returns the pattern in `text`. Capitals are capitals: nothing is folded.
    ///
    /// # Errors
    /// [`NamePatternError`] for an empty name or an open quote.
    pub fn parse(text: &str) -> Result<Self, NamePatternError> {
        let parts = parts(text).ok_or_else(|| NamePatternError(text.to_owned()))?;
        let mut name = Vec::new();
        for Glob(part) in parts {
            if !name.is_empty() {
                name.push(Part::Char('.'));
            }
            name.extend(part);
        }
        Ok(Self { name: Glob(name), text: text.to_owned() })
    }

    /// Whether it takes this name.
    pub fn matches(&self, name: &str) -> bool {
        self.name.matches(name)
    }

    /// Returns it as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Returns the names in `text`, dots between them, where each is a name and none a pattern.
pub(crate) fn names(text: &str) -> Option<Vec<String>> {
    let name = |Glob(parts): Glob| parts.into_iter().map(Part::literal).collect();
    parts(text)?.into_iter().map(name).collect()
}

/// Splits a text at its first dot outside of quotes; what is before must be a name, what is behind is left as it is.
pub(crate) fn split(text: &str) -> Option<(String, &str)> {
    let mut quoted = false;
    let dot = text.find(|c: char| {
        quoted ^= c == '"';
        c == '.' && !quoted
    })?;
    let [name] = <[String; 1]>::try_from(names(&text[..dot])?).ok()?;
    Some((name, &text[dot + 1..]))
}

/// Returns what stands between the dots; nothing for an open quote or an empty part.
fn parts(text: &str) -> Option<Vec<Glob>> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), Vec::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                part.push(Part::Char('"'));
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(Glob(std::mem::take(&mut part))),
            '*' if !quoted => part.push(Part::Any),
            '?' if !quoted => part.push(Part::One),
            c => part.push(Part::Char(c)),
        }
    }
    parts.push(Glob(part));
    (!quoted && parts.iter().all(|part| !part.0.is_empty())).then_some(parts)
}

impl Part {
    fn literal(self) -> Option<char> {
        if let Self::Char(c) = self { Some(c) } else { None }
    }
}

impl Glob {
    /// Goes back to the last `*` on a mismatch, so that it takes at most length times length steps.
    fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut p, mut t, mut star) = (0, 0, None);
        while t < text.len() {
            match self.0.get(p) {
                Some(Part::Any) => {
                    star = Some((p, t));
                    p += 1;
                }
                Some(Part::One) => (p, t) = (p + 1, t + 1),
                Some(Part::Char(c)) if *c == text[t] => (p, t) = (p + 1, t + 1),
                _ => match star {
                    Some((at, from)) => {
                        star = Some((at, from + 1));
                        (p, t) = (at + 1, from + 1);
                    }
                    None => return false,
                },
            }
        }
        self.0[p..].iter().all(|part| *part == Part::Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("app.students", "app", "students", true)]
    #[case("app.students", "App", "students", false)]
    #[case("students", "any", "students", true)]
    #[case("app.*", "app", "anything", true)]
    #[case("app.s*s", "app", "status_codes_s", true)]
    #[case("app.s*s", "app", "statuses_x", false)]
    #[case("*.s?", "x", "st", true)]
    #[case("*.s?", "x", "sty", false)]
    #[case("\"a.b\".\"c*\"", "a.b", "c*", true)]
    #[case("\"a.b\".\"c*\"", "a.b", "cc", false)]
    #[case("\"it\"\"s\"", "s", "it\"s", true)]
    fn a_pattern_takes(#[case] pattern: &str, #[case] schema: &str, #[case] name: &str, #[case] taken: bool) {
        assert_eq!(TablePattern::parse(pattern).unwrap().matches(&TableName::new(schema, name)), taken);
    }

    #[rstest::rstest]
    #[case("")]
    #[case("a.")]
    #[case(".a")]
    #[case("a.b.c")]
    #[case("\"open")]
    fn this_is_none(#[case] pattern: &str) {
        assert!(TablePattern::parse(pattern).is_err());
    }

    #[test]
    fn a_name_may_hold_a_dot() {
        let takes = |pattern: &str, name| NamePattern::parse(pattern).map(|p| p.matches(name));
        assert_eq!(takes("*_owner", "app_owner"), Ok(true));
        assert_eq!(takes("my.setting*", "my.setting_2"), Ok(true));
        assert_eq!(takes("\"*\"", "any"), Ok(false));
        assert!(takes("", "a").is_err() && takes("\"open", "a").is_err());
    }

    #[test]
    fn names_are_taken_apart_at_their_dots() {
        assert_eq!(names("app.\"a.b\".c").unwrap(), ["app", "a.b", "c"]);
        assert_eq!((names("app.*"), names("a..b")), (None, None));
        assert_eq!(split("\"a.b\".f(app.t)"), Some(("a.b".into(), "f(app.t)")));
        assert_eq!((split("students"), split("a*.b")), (None, None));
    }

    #[test]
    fn a_schema_is_one_name() {
        let takes = |pattern: &str, schema| SchemaPattern::parse(pattern).map(|p| p.matches(schema));
        assert_eq!(takes("app*", "app_2026"), Ok(true));
        assert_eq!(takes("\"a.b\"", "a.b"), Ok(true));
        assert_eq!(takes("app", "App"), Ok(false));
        assert!(takes("a.b", "a").is_err() && takes("", "a").is_err());
    }
}

//! Reads a connection string: a URL, or `key=value` pairs.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Peekable;
use std::str::CharIndices;

use super::{ConninfoError, keywords, url};

/// The parameters a connection string sets, by libpq's names. `Debug` shows only the names.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters(BTreeMap<&'static str, String>);

impl Parameters {
    /// Returns what `keyword` was set to; an empty string is a value.
    pub(crate) fn get(&self, keyword: &str) -> Option<&str> {
        self.0.get(keyword).map(String::as_str)
    }

    /// Sets `keyword`; the last setting counts.
    pub(crate) fn set(&mut self, keyword: &'static str, value: impl Into<String>) {
        self.0.insert(keyword, value.into());
    }

    /// Sets what is not set yet.
    pub(crate) fn fill(&mut self, keyword: &'static str, value: impl Into<String>) {
        self.0.entry(keyword).or_insert_with(|| value.into());
    }

    /// Fills in from `other` what is not set yet.
    pub(crate) fn fill_from(&mut self, other: Self) {
        for (keyword, value) in other.0 {
            self.fill(keyword, value);
        }
    }

    /// Returns all pairs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(k, v)| (*k, v.as_str()))
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Parses a connection string.
///
/// # Errors
/// [`ConninfoError::Syntax`] or [`ConninfoError::UnknownKeyword`]; neither quotes a value, nor a word that may be the
/// rest of a password whose spaces were not quoted.
pub(crate) fn parse(text: &str) -> Result<Parameters, ConninfoError> {
    for prefix in ["postgresql://", "postgres://"] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return url::parse(rest);
        }
    }
    if text.contains("://") && !text.contains('=') {
        return Err(syntax("the URL must begin with postgresql:// or postgres://"));
    }
    Pairs { chars: text.char_indices().peekable() }.parse()
}

/// Returns a syntax error.
pub(crate) fn syntax(reason: impl Into<String>) -> ConninfoError {
    ConninfoError::Syntax(reason.into())
}

/// Returns the static name of `keyword`; an unknown one that comes right after a password is not quoted.
pub(crate) fn keyword_after(keyword: &str, last: Option<&str>) -> Result<&'static str, ConninfoError> {
    keywords::known(keyword).map_err(|error| match last {
        Some("password") => syntax(
            "what follows the password is no known parameter (a password with a space, = or & must be quoted or %-encoded)",
        ),
        _ => error,
    })
}

/// The reader of `key=value` pairs; the grammar is `conninfo_parse` of libpq.
struct Pairs<'a> {
    chars: Peekable<CharIndices<'a>>,
}

impl Pairs<'_> {
    fn parse(mut self) -> Result<Parameters, ConninfoError> {
        let mut parameters = Parameters::default();
        let mut last = None;
        loop {
            self.skip_space();
            let Some(&(at, _)) = self.chars.peek() else { return Ok(parameters) };
            let name = self.name();
            self.skip_space();
            if self.chars.next_if(|(_, c)| *c == '=').is_none() {
                return Err(syntax(format!("there is no \"=\" after the word at character {}", at + 1)));
            }
            self.skip_space();
            let keyword = keyword_after(&name, last)?;
            parameters.set(keyword, self.value(keyword)?);
            last = Some(keyword);
        }
    }

    fn skip_space(&mut self) {
        while self.chars.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some((_, c)) = self.chars.next_if(|(_, c)| *c != '=' && !c.is_ascii_whitespace()) {
            name.push(c);
        }
        name
    }

    fn value(&mut self, keyword: &str) -> Result<String, ConninfoError> {
        let quoted = self.chars.next_if(|(_, c)| *c == '\'').is_some();
        let mut value = String::new();
        loop {
            match self.chars.next() {
                Some((_, '\\')) => value.extend(self.chars.next().map(|(_, c)| c)),
                Some((_, '\'')) if quoted => return Ok(value),
                Some((_, c)) if !quoted && c.is_ascii_whitespace() => return Ok(value),
                Some((_, c)) => value.push(c),
                None if quoted => return Err(syntax(format!("the quote of \"{keyword}\" is not closed"))),
                None => return Ok(value),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", &[])]
    #[case("host=a port=5433", &[("host", "a"), ("port", "5433")])]
    #[case("  host = a\tport\n=\n5433 ", &[("host", "a"), ("port", "5433")])]
    #[case("user='a b' password='it\\'s \\\\ me'", &[("password", "it's \\ me"), ("user", "a b")])]
    #[case("password=a\\ b\\'c dbname=d", &[("dbname", "d"), ("password", "a b'c")])]
    #[case("host='' dbname=d", &[("dbname", "d"), ("host", "")])]
    #[case("port=1 port=2", &[("port", "2")])]
    #[case("host=pg1,pg2 port=5432,", &[("host", "pg1,pg2"), ("port", "5432,")])]
    #[case("options='-c geqo=off -c search_path=a\\ b'", &[("options", "-c geqo=off -c search_path=a b")])]
    fn pairs(#[case] text: &str, #[case] expected: &[(&str, &str)]) {
        assert_eq!(parse(text).unwrap().iter().collect::<Vec<_>>(), expected);
    }

    #[rstest]
    #[case("hots=a", "unknown connection parameter \"hots\", did you mean \"host\"?")]
    #[case("ssl_mode=a", "unknown connection parameter \"ssl_mode\", did you mean \"sslmode\"?")]
    #[case("nonsense_of_mine=a", "unknown connection parameter \"nonsense_of_mine\"")]
    #[case("mydb", "could not read the connection string: there is no \"=\" after the word at character 1")]
    #[case(
        "host=a 'b",
        "could not read the connection string: there is no \"=\" after the word at character 8"
    )]
    #[case("user='a", "could not read the connection string: the quote of \"user\" is not closed")]
    #[case(
        "mysql://h/d",
        "could not read the connection string: the URL must begin with postgresql:// or postgres://"
    )]
    fn refused(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(parse(text).unwrap_err().to_string(), expected);
    }

    #[rstest]
    #[case("password=open sesame")]
    #[case("password=open sesame=yes host=h")]
    #[case("password='open sesame")]
    #[case("password='open 'sesame'")]
    fn a_badly_quoted_password_is_not_repeated(#[case] text: &str) {
        let error = parse(text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("sesame") && !shown.contains("open"), "{shown}");
    }

    #[test]
    fn debug_shows_no_values() {
        assert_eq!(format!("{:?}", parse("user=u password=sesame").unwrap()), "{\"password\", \"user\"}");
    }
}

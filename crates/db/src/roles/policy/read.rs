//! Tables of a TOML text, read key by key. What is wrong is noted with its line, and reading goes on.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{PolicyError, PolicyErrors};

/// A text, and what is wrong with it so far.
pub(super) struct Source<'s> {
    file: &'s str,
    text: &'s str,
    errors: RefCell<Vec<PolicyError>>,
}

impl<'s> Source<'s> {
    pub(super) fn new(file: &'s str, text: &'s str) -> Self {
        Self { file, text, errors: RefCell::default() }
    }

    /// Returns the line of a place, from 1.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.text.bytes().take(span.start).filter(|&byte| byte == b'\n').count() + 1
    }

    /// Notes what is wrong on a line.
    pub(super) fn refuse(&self, line: usize, message: impl Into<String>) {
        let error = PolicyError { file: self.file.into(), line, message: message.into() };
        self.errors.borrow_mut().push(error);
    }

    /// Returns all that was noted, by line.
    pub(super) fn into_errors(self) -> PolicyErrors {
        let mut errors = self.errors.into_inner();
        errors.sort_by_key(|error| error.line);
        errors.dedup();
        PolicyErrors(errors)
    }
}

/// A text and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) line: usize,
}

impl Word {
    /// Returns the text of a value that must be one, or a table.
    pub(super) fn of(source: &Source<'_>, value: &Value<'_>) -> Option<Self> {
        let line = source.line(&value.span());
        let text = value.get_ref().as_str();
        if text.is_none() {
            source.refuse(
                line,
                wrong_type("on", value.get_ref(), "a text such as \"table app.*\", or a table"),
            );
        }
        text.map(|text| Self { text: text.into(), line })
    }
}

/// A value and the line it stands on.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A table, and which of its keys were asked for: the others are unknown.
pub(super) struct Fields<'s, 't> {
    pub(super) source: &'s Source<'s>,
    table: &'t DeTable<'t>,
    /// How it is called, for people: `[role.dba]`.
    place: String,
    pub(super) line: usize,
    asked: RefCell<Vec<&'static str>>,
}

impl<'s, 't> Fields<'s, 't> {
    pub(super) fn new(
        source: &'s Source<'s>,
        table: &'t DeTable<'t>,
        place: impl Into<String>,
        line: usize,
    ) -> Self {
        Self { source, table, place: place.into(), line, asked: RefCell::default() }
    }

    /// Returns the fields of a value that must be a table.
    pub(super) fn of(source: &'s Source<'s>, value: &'t Value<'t>, place: &str) -> Option<Self> {
        let line = source.line(&value.span());
        match value.get_ref() {
            DeValue::Table(table) => Some(Self::new(source, table, place, line)),
            other => {
                source.refuse(line, wrong_type(place, other, "a table"));
                None
            }
        }
    }

    /// Returns the fields of a value that is a table, and nothing for any other.
    pub(super) fn of_table(source: &'s Source<'s>, value: &'t Value<'t>, place: &str) -> Option<Self> {
        value.get_ref().is_table().then(|| Self::of(source, value, place)).flatten()
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref() == key)
    }

    /// Notes an error on this table's line.
    pub(super) fn refuse(&self, message: impl Into<String>) {
        self.source.refuse(self.line, message);
    }

    /// Returns the value of a key.
    pub(super) fn value(&self, key: &'static str) -> Option<&'t Value<'t>> {
        self.asked.borrow_mut().push(key);
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// Returns the line of a key, or of the table.
    pub(super) fn line_of(&self, key: &str) -> usize {
        let found = self.table.iter().find(|(name, _)| name.get_ref() == key);
        found.map_or(self.line, |(name, _)| self.source.line(&name.span()))
    }

    fn wrong(&self, key: &str, value: &Value<'_>, expected: &str) {
        self.source.refuse(self.source.line(&value.span()), wrong_type(key, value.get_ref(), expected));
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        if value.get_ref().as_bool().is_none() {
            self.wrong(key, value, "true or false");
        }
        value.get_ref().as_bool()
    }

    pub(super) fn number(&self, key: &'static str, least: i64, most: i64) -> Option<i64> {
        let value = self.value(key)?;
        let number = integer(value.get_ref()).filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.wrong(key, value, &format!("a number from {least} to {most}"));
        }
        number
    }

    pub(super) fn text(&self, key: &'static str) -> Option<Word> {
        let value = self.value(key)?;
        if value.get_ref().as_str().is_none() {
            self.wrong(key, value, "a text");
        }
        self.word(value)
    }

    /// Returns one text or a list of them as a list.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<Word>> {
        let value = self.value(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            if value.get_ref().as_str().is_none() {
                self.wrong(key, value, "a text or a list of texts");
            }
            return self.word(value).map(|word| vec![word]);
        };
        for item in items.iter().filter(|item| item.get_ref().as_str().is_none()) {
            self.wrong(&format!("an entry of {key}"), item, "a text");
        }
        Some(items.iter().filter_map(|item| self.word(item)).collect())
    }

    pub(super) fn word(&self, value: &Value<'_>) -> Option<Word> {
        let text = value.get_ref().as_str()?.to_owned();
        Some(Word { text, line: self.source.line(&value.span()) })
    }

    pub(super) fn table(&self, key: &'static str) -> Option<Fields<'s, 't>> {
        Fields::of(self.source, self.value(key)?, key)
    }

    /// Returns the tables below a key by their names: `[role.NAME]`.
    pub(super) fn named(&self, key: &'static str) -> Vec<(Word, Fields<'s, 't>)> {
        let Some(tables) = self.table(key) else { return Vec::new() };
        let entry = |(name, value): (&Spanned<_>, &'t Value<'t>)| {
            let name: &std::borrow::Cow<'_, str> = name.get_ref();
            let place = format!("[{key}.{name}]");
            let fields = Fields::of(self.source, value, &place)?;
            let line = tables.line_of(name);
            Some((Word { text: name.to_string(), line }, Fields { line, ..fields }))
        };
        tables.table.iter().filter_map(entry).collect()
    }

    /// Returns the tables of a list: `[[grant]]`.
    pub(super) fn listed(&self, key: &'static str) -> Vec<Fields<'s, 't>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(key, value, &format!("a list of tables, [[{key}]]"));
            return Vec::new();
        };
        let place = format!("[[{key}]]");
        items.iter().filter_map(|item| Fields::of(self.source, item, &place)).collect()
    }

    /// Returns all keys with their values; none is unknown.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Word, &'t Value<'t>)> {
        self.table.iter().map(|(name, value)| {
            let word = Word { text: name.get_ref().to_string(), line: self.source.line(&name.span()) };
            (word, value)
        })
    }

    /// Notes the keys nobody asked for.
    pub(super) fn finish(&self) {
        let asked = self.asked.borrow();
        for (name, _) in self.table.iter().filter(|(name, _)| !asked.iter().any(|key| name.get_ref() == key))
        {
            let name_text = name.get_ref().as_ref();
            let place = if self.place.is_empty() { String::new() } else { format!(" in {}", self.place) };
            let known = match nearest(name_text, asked.iter().copied()) {
                Some(known) => format!("did you mean {known}?"),
                None => format!("there are {}", asked.join(", ")),
            };
            let message = format!("unknown key {name_text:?}{place}; {known}");
            self.source.refuse(self.source.line(&name.span()), message);
        }
    }
}

/// Returns a whole number.
pub(super) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Returns the candidate most like `text`, unless none is like it.
pub(super) fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let like = |candidate: &&str| strsim::jaro_winkler(text, candidate);
    let best = candidates.into_iter().max_by(|a, b| like(a).total_cmp(&like(b)))?;
    (like(&best) > 0.8).then_some(best)
}

fn wrong_type(what: &str, value: &DeValue<'_>, expected: &str) -> String {
    match value.type_str() {
        // a number that is too large is one, too
        "integer" => format!("{what} must be {expected}"),
        found => format!("{what} is of type {found}, it must be {expected}"),
    }
}

//! What a grant or an assertion is about: `on = "table app.*"`, or the same as a table, which can say more.

use super::names::Names;
use super::read::{Fields, Source, Value, Word, nearest};
use super::{ColumnName, Selector};
use crate::pattern::{self, NamePattern};
use crate::roles::{Class, Privilege, Privileges};

/// Reads `on`.
pub(super) fn selector(source: &Source<'_>, value: &Value<'_>, names: &Names) -> Option<Selector> {
    match Fields::of_table(source, value, "on") {
        Some(fields) => from_table(&fields, names),
        None => from_text(source, &Word::of(source, value)?, names),
    }
}

/// `KIND`, `KIND NAME` or `KIND SCHEMA.NAME`
fn from_text(source: &Source<'_>, word: &Word, names: &Names) -> Option<Selector> {
    let part = |text: &str| Word { text: text.trim().into(), line: word.line };
    let (kind, name) = word.text.split_once(' ').unwrap_or((&word.text, ""));
    let class = class(source, &part(kind))?;
    let name = part(name);
    let mut selector = everything(class);
    if name.text.is_empty() {
        // only the database needs no name
        return is_complete(source, &selector, word.line).then_some(selector);
    }
    let own = if has_schema(class) {
        let Some((schema, own)) = pattern::split(&name.text) else {
            let message =
                format!("{:?} has no schema; write \"{kind} SCHEMA.NAME\", or SCHEMA.* for all", word.text);
            source.refuse(word.line, message);
            return None;
        };
        selector.schemas = vec![names.schema(source, &part(&schema))?];
        part(own)
    } else {
        name
    };
    if own.text != "*" || !has_schema(class) {
        selector.names = vec![name_pattern(source, &own)?];
    }
    complete(source, selector, names, word.line)
}

fn from_table(fields: &Fields<'_, '_>, names: &Names) -> Option<Selector> {
    let source = fields.source;
    let kind = fields.text("kind");
    let schemas = fields.texts("schema").unwrap_or_default();
    let patterns = |key| -> Vec<NamePattern> {
        let words = fields.texts(key).unwrap_or_default();
        words.iter().filter_map(|word| name_pattern(source, word)).collect()
    };
    let (own, except) = (patterns("name"), patterns("except"));
    let columns = fields.texts("columns").unwrap_or_default();
    let without_sensitive = fields.flag("without_sensitive").unwrap_or_default();
    fields.finish();
    let Some(kind) = kind else {
        fields.refuse(format!("on needs kind = \"…\": {}", kinds()));
        return None;
    };
    let class = class(source, &kind)?;
    if !has_schema(class) && !schemas.is_empty() {
        let line = fields.line_of("schema");
        source.refuse(line, format!("a {} is in no schema; choose it by name = \"…\"", class.keyword()));
        return None;
    }
    let schemas: Vec<String> = schemas.iter().filter_map(|word| names.schema(source, word)).collect();
    if class != Class::Table && (!columns.is_empty() || without_sensitive) {
        fields.refuse(format!("a {} has no columns to grant; only a table has", class.keyword()));
        return None;
    }
    if !columns.is_empty() && without_sensitive {
        fields.refuse("columns says which, without_sensitive says which not: take one of them");
    }
    if !columns.is_empty() && own.is_empty() {
        fields.refuse("columns are those of a table: say which by name = \"…\"");
    }
    let columns = columns.iter().filter(|word| super::names::is_name(source, word));
    let selector = Selector {
        schemas,
        names: own,
        except,
        columns: columns.map(|word| word.text.clone()).collect(),
        without_sensitive,
        ..everything(class)
    };
    if fields.has("schema") && selector.schemas.is_empty() {
        return None; // told before
    }
    complete(source, selector, names, fields.line)
}

fn everything(class: Class) -> Selector {
    Selector {
        class,
        schemas: Vec::new(),
        names: Vec::new(),
        except: Vec::new(),
        columns: Vec::new(),
        without_sensitive: false,
    }
}

/// Whether enough is said to choose by.
fn is_complete(source: &Source<'_>, selector: &Selector, line: usize) -> bool {
    let kind = word_of(selector.class);
    let wanted = if has_schema(selector.class) && selector.schemas.is_empty() {
        format!("a {kind} is in a schema: say which, as in \"{kind} app.*\"")
    } else if selector.class == Class::Database && !selector.names.is_empty() {
        "a policy is for one database, whose name it does not say: \"database\" is enough".into()
    } else if !has_schema(selector.class) && selector.class != Class::Database && selector.names.is_empty() {
        format!("which {kind}? Say its name, as in \"{kind} NAME\", or * for all")
    } else {
        return true;
    };
    source.refuse(line, wanted);
    false
}

/// Returns the selector where enough is said. Schemas that are chosen by name or pattern are the declared ones of it.
fn complete(source: &Source<'_>, mut selector: Selector, names: &Names, line: usize) -> Option<Selector> {
    if !is_complete(source, &selector, line) {
        return None;
    }
    if selector.class == Class::Schema {
        for pattern in std::mem::take(&mut selector.names) {
            let found: Vec<&String> = names.schemas.iter().filter(|schema| pattern.matches(schema)).collect();
            if found.is_empty() {
                names.schema(source, &Word { text: pattern.as_str().into(), line })?;
            }
            selector.schemas.extend(found.into_iter().cloned());
        }
        let except = std::mem::take(&mut selector.except);
        selector.schemas.retain(|schema| !except.iter().any(|pattern| pattern.matches(schema)));
        selector.schemas.sort();
        selector.schemas.dedup();
    }
    Some(selector)
}

/// Whether things of this class are in a schema.
fn has_schema(class: Class) -> bool {
    matches!(class, Class::Table | Class::Sequence | Class::Routine | Class::Type)
}

/// How the file calls a class.
pub(super) fn word_of(class: Class) -> String {
    class.keyword().replace(' ', "-")
}

fn kinds() -> String {
    Class::ALL.map(word_of).join(", ")
}

fn class(source: &Source<'_>, word: &Word) -> Option<Class> {
    let asked = word.text.replace('_', "-");
    let found = Class::ALL.into_iter().find(|class| word_of(*class) == asked);
    if found.is_none() {
        let words = Class::ALL.map(word_of);
        let synonym = match asked.as_str() {
            "function" | "procedure" | "aggregate" | "functions" => Some("routine"),
            "view" | "views" | "materialized-view" | "foreign-table" => Some("table"),
            "domain" => Some("type"),
            _ => nearest(&asked, words.iter().map(String::as_str)),
        };
        let known = match synonym {
            Some(known) => format!("did you mean {known:?}?"),
            None => format!("there are {}", kinds()),
        };
        source.refuse(word.line, format!("{:?} is no kind of object; {known}", word.text));
    }
    found
}

fn name_pattern(source: &Source<'_>, word: &Word) -> Option<NamePattern> {
    NamePattern::parse(&word.text).map_err(|error| source.refuse(word.line, error.to_string())).ok()
}

/// Reads `privileges`, `can` or `cannot`, for one class, or for whatever it was meant to be.
pub(super) fn privileges(
    source: &Source<'_>,
    words: &[Word],
    class: Option<Class>,
    columns: bool,
) -> Privileges {
    let any = || Class::ALL.map(|class| class.privileges(u32::MAX)).into_iter();
    let of_class = class
        .map_or_else(|| any().fold(Privileges::NONE, Privileges::union), |class| class.privileges(u32::MAX));
    let of_what = class.map(|class| format!(" of a {}", class.keyword())).unwrap_or_default();
    let of_columns = Class::Table.column_privileges();
    let mut found = Privileges::NONE;
    for word in words {
        let message = match Privilege::parse(&word.text) {
            Some(known) if !of_class.contains(known) => {
                format!("{known} is no privilege{of_what}; there are {}", of_class.words())
            }
            Some(known) if columns && !of_columns.contains(known) => {
                format!("{known} is not for single columns; of these there are {}", of_columns.words())
            }
            Some(known) if found.contains(known) => format!("{known} is there twice"),
            Some(known) => {
                found.insert(known);
                continue;
            }
            None if matches!(word.text.to_ascii_lowercase().as_str(), "all" | "all privileges" | "*") => {
                let words = of_class.words();
                format!("{:?} means more with each version of PostgreSQL; say which of {words}", word.text)
            }
            None => {
                let known = nearest(&word.text.to_ascii_lowercase(), of_class.iter().map(Privilege::word));
                let known = known.map_or_else(
                    || format!("there are {}", of_class.words()),
                    |known| format!("did you mean {known:?}?"),
                );
                format!("{:?} is no privilege{of_what}; {known}", word.text)
            }
        };
        source.refuse(word.line, message);
    }
    found
}

/// `schema.table.column`
pub(super) fn column(source: &Source<'_>, word: &Word, names: &Names) -> Option<ColumnName> {
    let Some(Ok([schema, table, column])) = pattern::names(&word.text).map(<[String; 3]>::try_from) else {
        source.refuse(word.line, format!("{:?} is no column; write schema.table.column", word.text));
        return None;
    };
    names.schema(source, &Word { text: schema.clone(), line: word.line })?;
    Some(ColumnName { schema, table, column })
}

//! The configuration file: which one, and its keys with the lines they stand on.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::SettingsError;
use crate::platform;

/// One key as it stands in a file.
pub(super) struct Written {
    /// All names down to it, with dots between.
    pub(super) key: String,
    /// Its value; an empty table stands for itself.
    pub(super) value: Value,
    /// The line it stands on, from 1.
    pub(super) line: usize,
}

/// Why a text is no configuration, and on which line, from 1.
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) message: String,
}

impl std::fmt::Debug for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// Returns the keys of a TOML text in the order they stand in.
pub(super) fn flatten(text: &str) -> Result<Vec<Written>, SyntaxError> {
    // Not the whole error: it would quote the line, and a line may hold a password.
    let syntax = |error: toml::de::Error| SyntaxError {
        line: line_at(text, &error.span().unwrap_or_default()),
        message: error.message().to_owned(),
    };
    let values: Table = text.parse().map_err(syntax)?;
    let spans = DeTable::parse(text).map_err(syntax)?;
    let mut found = Vec::new();
    walk(text, "", spans.get_ref(), &values, &mut found);
    found.sort_by_key(|written| written.line);
    Ok(found)
}

fn walk(text: &str, prefix: &str, spans: &DeTable<'_>, values: &Table, found: &mut Vec<Written>) {
    for (name, span) in spans {
        let key = format!("{prefix}{}", name.get_ref());
        match (span.get_ref(), values.get(name.get_ref().as_ref())) {
            (DeValue::Table(inner), Some(Value::Table(values))) if !values.is_empty() => {
                walk(text, &format!("{key}."), inner, values, found);
            }
            (_, Some(value)) => {
                found.push(Written { key, value: value.clone(), line: line_at(text, &name.span()) });
            }
            (_, None) => unreachable!("both trees come from one text"),
        }
    }
}

fn line_at(text: &str, span: &Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|&byte| byte == b'\n').count() + 1
}

/// Returns the configuration file and its text; `None` where there is none.
///
/// `named` is the file a person asked for; it must exist. A file found in the current directory must be ours or
/// root's: it can name programs to run.
///
/// # Errors
/// [`SettingsError::Read`], [`SettingsError::Untrusted`].
pub(super) fn find(named: Option<&Path>) -> Result<Option<(PathBuf, String)>, SettingsError> {
    if let Some(path) = named {
        return read(path).map(|text| Some((absolute(path), text)));
    }
    let here = PathBuf::from("unisys-dba.toml");
    if let Ok(metadata) = fs::metadata(&here) {
        if !platform::is_trusted(&metadata) {
            return Err(SettingsError::Untrusted { path: here });
        }
        return read(&here).map(|text| Some((absolute(&here), text)));
    }
    for path in platform::config_files() {
        match read(&path) {
            Err(SettingsError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            text => return text.map(|text| Some((path, text))),
        }
    }
    Ok(None)
}

/// Returns where the configuration is, or would be looked for first by a person's own commands: the named file, the one in
/// the current directory where it exists, else the first of the usual places that exists, else the first of them.
pub(crate) fn place(named: Option<&Path>) -> Option<PathBuf> {
    if let Some(path) = named {
        return Some(absolute(path));
    }
    let here = Path::new("unisys-dba.toml");
    if here.exists() {
        return Some(absolute(here));
    }
    let places = platform::config_files();
    places.iter().find(|path| path.exists()).or(places.first()).cloned()
}

fn read(path: &Path) -> Result<String, SettingsError> {
    fs::read_to_string(path).map_err(|source| SettingsError::Read { path: path.into(), source })
}

fn absolute(path: &Path) -> PathBuf {
    env::current_dir().map_or_else(|_| path.into(), |here| here.join(path))
}

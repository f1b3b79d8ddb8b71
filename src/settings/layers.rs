//! Defaults, file and environment laid over each other; each value keeps its source.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::schema::{self, Schema};
use super::{Settings, SettingsError, Source, file};

/// The prefix of our environment variables.
pub(crate) const VARIABLE_PREFIX: &str = "UNISYS_DBA_";
/// Variables that are no keys: they choose the file, stand for the flags every command has, or tell a hook what happens.
const OTHER_VARIABLES: [&str; 10] = [
    "UNISYS_DBA_CONFIG",
    "UNISYS_DBA_DATABASE",
    "UNISYS_DBA_FORMAT",
    "UNISYS_DBA_EVENT",
    "UNISYS_DBA_OPERATION",
    "UNISYS_DBA_STORE",
    "UNISYS_DBA_BACKUP_ID",
    "UNISYS_DBA_OUTCOME",
    "UNISYS_DBA_EXIT",
    "UNISYS_DBA_ERROR",
];

/// One key in force.
pub(crate) struct Entry {
    /// The key, with dots.
    pub(crate) key: String,
    /// Its value. It may be a secret: print it through [`super::redacted`] only.
    pub(crate) value: Value,
    /// Who said so.
    pub(crate) source: Source,
}

/// Every key in force with its source.
pub(crate) struct Layers {
    schema: Schema,
    here: PathBuf,
    base: PathBuf,
    file: Option<PathBuf>,
    given: BTreeMap<String, (Value, Source)>,
}

impl Layers {
    /// Reads the configuration: the file `named`, else `UNISYS_DBA_CONFIG`, else the first of the usual places, and
    /// `variables`.
    ///
    /// # Errors
    /// The first thing that is wrong, by key and place.
    pub(crate) fn load(
        named: Option<&Path>,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let by_variable = variables.get("UNISYS_DBA_CONFIG").filter(|name| !name.is_empty()).map(Path::new);
        let mut layers = Self::defaults(&std::env::current_dir().unwrap_or_default());
        if let Some((path, text)) = file::find(named.or(by_variable))? {
            layers.add_file(&path, &text)?;
        }
        layers.add_variables(variables)?;
        Ok(layers)
    }

    /// Reads the configuration as if there were no file: the defaults and `variables`.
    ///
    /// # Errors
    /// As [`Layers::load`].
    pub(crate) fn without_file(variables: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let mut layers = Self::defaults(&std::env::current_dir().unwrap_or_default());
        layers.add_variables(variables)?;
        Ok(layers)
    }

    /// Checks that a file with this text would be a sound configuration.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(crate) fn check(path: &Path, text: &str) -> Result<(), SettingsError> {
        let mut layers = Self::defaults(Path::new("/"));
        layers.add_file(path, text)?;
        layers.settings().map(|_| ())
    }

    /// Returns the defaults alone; their paths start `here`, as those of variables do.
    pub(super) fn defaults(here: &Path) -> Self {
        Self {
            schema: Schema::of_example(),
            here: here.into(),
            base: here.into(),
            file: None,
            given: BTreeMap::new(),
        }
    }

    /// Lays a file's text over what is there. Its directory is where its paths start, and those of the defaults.
    pub(super) fn add_file(&mut self, path: &Path, text: &str) -> Result<(), SettingsError> {
        let written = file::flatten(text).map_err(|error| SettingsError::Syntax {
            path: path.into(),
            line: error.line,
            message: error.message,
        })?;
        self.base = path.parent().unwrap_or(Path::new(".")).into();
        self.file = Some(path.into());
        for entry in written {
            let source = Source::File { path: path.into(), line: entry.line };
            let value = Schema::with_paths_from(&self.base, &entry.key, entry.value);
            self.set(entry.key, value, source)?;
        }
        Ok(())
    }

    /// Lays the variables `UNISYS_DBA_*` over what is there. Their paths start in the current directory.
    pub(super) fn add_variables(
        &mut self,
        variables: &BTreeMap<String, String>,
    ) -> Result<(), SettingsError> {
        for (name, text) in variables {
            if !name.starts_with(VARIABLE_PREFIX) || OTHER_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            let source = Source::Variable { name: name.clone() };
            let Some(key) = self.key_of_variable(name) else {
                let known: Vec<String> = self.schema.fixed().map(|(key, _)| variable_of(key)).collect();
                let nearest = schema::nearest(name, known.iter().map(String::as_str)).map(String::from);
                return Err(SettingsError::UnknownVariable { name: name.clone(), nearest });
            };
            let like = self.schema.default_of(&key).expect("the key came from the schema");
            let value = value_like(like, text).ok_or_else(|| SettingsError::Type {
                key: key.clone(),
                origin: source.clone(),
                expected: kind(like),
                found: "something else",
            })?;
            self.set(key.clone(), Schema::with_paths_from(&self.here, &key, value), source)?;
        }
        Ok(())
    }

    fn key_of_variable(&self, name: &str) -> Option<String> {
        if let Some((key, _)) = self.schema.fixed().find(|(key, _)| variable_of(key) == name) {
            return Some(key.into());
        }
        let rest = name.strip_prefix(&variable_of(schema::DATABASES))?;
        let (database, field) = self.schema.of_database().find_map(|(field, _)| {
            let database = rest.strip_suffix(&variable_of(field)[VARIABLE_PREFIX.len() - 1..])?;
            (!database.is_empty()).then_some((database, field))
        })?;
        let configured =
            self.databases().into_iter().find(|known| known.to_uppercase().replace('-', "_") == database);
        Some(format!("databases.{}.{field}", configured.unwrap_or_else(|| database.to_lowercase())))
    }

    fn set(&mut self, key: String, value: Value, source: Source) -> Result<(), SettingsError> {
        let name_is_bare = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        if schema::database_of(&key).is_some_and(|name| !name_is_bare(name)) {
            return Err(SettingsError::DatabaseName { origin: source });
        }
        if value.as_table().is_some_and(Table::is_empty) && self.schema.is_table(&key) {
            self.given.insert(key, (value, source));
            return Ok(());
        }
        let Some(like) = self.schema.default_of(&key) else {
            let nearest = self.schema.nearest(&key);
            return Err(SettingsError::Unknown { key, origin: source, nearest });
        };
        if !same_type(like, &value) {
            return Err(SettingsError::Type {
                expected: kind(like),
                found: kind(&value),
                key,
                origin: source,
            });
        }
        self.given.insert(key, (value, source));
        Ok(())
    }

    fn databases(&self) -> BTreeSet<String> {
        self.given.keys().filter_map(|key| schema::database_of(key)).map(String::from).collect()
    }

    /// Returns the file that was read, if there was one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Returns every key in force: the databases by name, then the rest as the example orders it.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let databases = self.databases();
        let of_databases = databases.iter().flat_map(|name| {
            self.schema.of_database().map(move |(field, value)| (format!("databases.{name}.{field}"), value))
        });
        let fixed = self.schema.fixed().map(|(key, value)| (key.to_owned(), value));
        of_databases.chain(fixed).map(|(key, default)| self.entry(key, default)).collect()
    }

    fn entry(&self, key: String, default: &Value) -> Entry {
        match self.given.get(&key) {
            Some((value, source)) => Entry { value: value.clone(), source: source.clone(), key },
            None => Entry {
                value: Schema::with_paths_from(&self.base, &key, default.clone()),
                source: Source::Default,
                key,
            },
        }
    }

    /// Returns the settings as types.
    ///
    /// # Errors
    /// [`SettingsError::Value`] for the first key whose value means nothing.
    pub(crate) fn settings(&self) -> Result<Settings, SettingsError> {
        let entries = self.entries();
        let everything = entries.iter().map(|entry| (entry.key.clone(), entry.value.clone()));
        deserialise(everything).map_err(|error| self.blame(&entries, &error))
    }

    /// Names the key behind an error, which serde does not: alone among defaults, it fails again.
    fn blame(&self, entries: &[Entry], error: &toml::de::Error) -> SettingsError {
        for entry in entries {
            let alone = self
                .sound_neighbours(&entry.key)
                .into_iter()
                .chain([(entry.key.clone(), entry.value.clone())]);
            if let Err(error) = deserialise(alone) {
                let reason = error.message().trim().to_owned();
                return SettingsError::Value { key: entry.key.clone(), origin: entry.source.clone(), reason };
            }
        }
        let reason = error.message().trim().to_owned();
        SettingsError::Value { key: "configuration".into(), origin: Source::Default, reason }
    }

    /// Returns settings without a fault, with all of the database that `key` may belong to.
    fn sound_neighbours(&self, key: &str) -> Vec<(String, Value)> {
        let mut sound: Vec<_> =
            self.schema.fixed().map(|(key, value)| (key.to_owned(), value.clone())).collect();
        if let Some(name) = schema::database_of(key) {
            sound.extend(self.schema.of_database().map(|(field, value)| {
                let value = if field == "url" { Value::from("postgresql:") } else { value.clone() };
                (format!("databases.{name}.{field}"), value)
            }));
        }
        sound
    }
}

/// Builds the tree of the dotted keys, a later one winning, and reads it as settings.
fn deserialise(values: impl Iterator<Item = (String, Value)>) -> Result<Settings, toml::de::Error> {
    let mut root = Table::new();
    for (key, value) in values {
        let mut names: Vec<&str> = key.split('.').collect();
        let last = names.pop().unwrap_or_default();
        let mut table = &mut root;
        for name in names {
            let inner = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
            table = inner.as_table_mut().expect("no known key is also a table");
        }
        table.insert(last.into(), value);
    }
    root.try_into()
}

fn variable_of(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.replace(['.', '-'], "_").to_uppercase())
}

fn value_like(like: &Value, text: &str) -> Option<Value> {
    match like {
        Value::Integer(_) => text.trim().parse().ok().map(Value::Integer),
        Value::Boolean(_) => text.trim().parse().ok().map(Value::Boolean),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(items.map(Value::from).collect()))
        }
        _ => Some(Value::from(text)),
    }
}

fn same_type(like: &Value, value: &Value) -> bool {
    like.same_type(value) && value.as_array().is_none_or(|items| items.iter().all(Value::is_str))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text in quotes",
        Value::Integer(_) => "a whole number",
        Value::Boolean(_) => "true or false",
        Value::Array(items) if items.iter().all(Value::is_str) => "a list of texts",
        Value::Array(_) => "a list of something else",
        Value::Table(_) => "a table",
        Value::Float(_) => "a number with a fraction",
        Value::Datetime(_) => "a date",
    }
}

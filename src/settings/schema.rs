//! The keys there are, with their defaults: what `config.example.toml` says, and nothing else.

use std::path::{Path, PathBuf};

use toml::Value;

use super::file;

/// The documented configuration, compiled in.
pub(super) const EXAMPLE: &str = include_str!("../../config.example.toml");

/// The table every `[databases.NAME]` looks like.
pub(super) const DATABASES: &str = "databases.";
const DATABASE_TEMPLATE: &str = "databases.NAME.";

/// The keys whose texts are paths, with a database's name left as `NAME`.
const PATHS: &[&str] = &[
    "databases.NAME.copies",
    "databases.NAME.identities",
    "databases.NAME.migrations",
    "databases.NAME.passfile",
    "databases.NAME.store",
    "databases.NAME.webhook-file",
    "server.directory",
    "backup.store",
    "backup.copies",
    "backup.recipients-file",
    "backup.passphrase-file",
    "drill.directory",
    "drill.identities",
    "s3.ca",
    "s3.directory",
    "evidence.signing-key",
    "mail.password-file",
    "metrics.textfile",
    "migrate.dir",
    "notify.webhook-file",
    "programs.directory",
    "roles.policy",
    "state.directory",
];

/// The known keys in the order of the example.
pub(super) struct Schema {
    keys: Vec<(String, Value)>,
}

impl Schema {
    /// Returns the keys of the example. Its commented-out keys (`#key = …`, no space) are known but not set.
    pub(super) fn of_example() -> Self {
        let written = file::flatten(&uncommented(EXAMPLE)).expect("config.example.toml is tested to parse");
        Self { keys: written.into_iter().map(|entry| (entry.key, entry.value)).collect() }
    }

    /// Returns the keys outside of databases, with their defaults.
    pub(super) fn fixed(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.keys
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .filter(|(key, _)| !key.starts_with(DATABASES))
    }

    /// Returns the keys of one database without its name, with their defaults.
    pub(super) fn of_database(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.keys.iter().filter_map(|(key, value)| Some((key.strip_prefix(DATABASE_TEMPLATE)?, value)))
    }

    /// Returns a key's default, or `None` for an unknown key.
    pub(super) fn default_of(&self, key: &str) -> Option<&Value> {
        let template = template(key);
        self.keys.iter().find(|(known, _)| *known == template).map(|(_, value)| value)
    }

    /// Returns whether this is a table of known keys.
    pub(super) fn is_table(&self, name: &str) -> bool {
        let template = format!("{}.", template(&format!("{name}.")).trim_end_matches('.'));
        self.keys.iter().any(|(known, _)| known.starts_with(&template))
    }

    /// Returns the known key most like this one, if any is.
    pub(super) fn nearest(&self, key: &str) -> Option<String> {
        let template = template(key);
        let name = database_of(key).unwrap_or("NAME");
        let best = nearest(&template, self.keys.iter().map(|(known, _)| known.as_str()))?;
        Some(best.replace("NAME", name))
    }

    /// Returns `value` with its paths made absolute, from `base`.
    pub(super) fn with_paths_from(base: &Path, key: &str, value: Value) -> Value {
        if !PATHS.contains(&template(key).as_str()) {
            return value;
        }
        match value {
            Value::String(text) => Value::String(path_from(base, text)),
            Value::Array(items) => {
                Value::Array(items.into_iter().map(|item| Self::with_paths_from(base, key, item)).collect())
            }
            other => other,
        }
    }
}

/// Returns the database that a key belongs to.
pub(super) fn database_of(key: &str) -> Option<&str> {
    Some(key.strip_prefix(DATABASES)?.split('.').next().unwrap_or_default())
}

/// Returns the candidate most like `text`, unless none is like it.
pub(super) fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let like = |candidate: &&str| strsim::jaro_winkler(text, candidate);
    let best = candidates.max_by(|a, b| like(a).total_cmp(&like(b)))?;
    (like(&best) > 0.8).then_some(best)
}

fn template(key: &str) -> String {
    match key.strip_prefix(DATABASES).and_then(|rest| rest.split_once('.')) {
        Some((_, field)) => format!("{DATABASE_TEMPLATE}{field}"),
        None => key.into(),
    }
}

fn path_from(base: &Path, text: String) -> String {
    if text.is_empty() || text.contains("://") {
        return text;
    }
    let path = match (text.strip_prefix("~/"), dirs::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => base.join(PathBuf::from(&text)),
    };
    path.to_string_lossy().into_owned()
}

/// Returns the example with its commented-out keys in force.
pub(super) fn uncommented(example: &str) -> String {
    let is_key = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '[');
    let line = |line| str::strip_prefix(line, "#").filter(|rest| is_key(rest)).unwrap_or(line);
    example.lines().map(line).collect::<Vec<&str>>().join("\n")
}

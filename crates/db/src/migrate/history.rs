//! What was applied, and how it compares with the files.
//!
//! The table is read here and not by refinery, which panics on a checksum that is no number.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{MigrateError, MigrationFile};
use crate::{DbError, Session};

/// What became of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Applied, and the file is still the same.
    Applied,
    /// Not applied yet.
    Pending,
    /// Applied, but the file was changed since.
    Edited,
    /// Applied, but there is no such file.
    Unknown,
    /// Not applied, though a later one is.
    OutOfOrder,
    /// Not applied, but begun outside of a transaction: it may have taken effect in part.
    Interrupted,
}

/// One migration, from the files, the history, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The version, from 1.
    pub version: i32,
    /// The name without version.
    pub name: String,
    /// The file, where there is one.
    pub file: Option<String>,
    /// What became of it.
    pub state: State,
    /// When it was applied, RFC 3339.
    pub applied_on: Option<String>,
    /// The login that applied it.
    pub applied_by: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
}

/// A row of the history.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applied {
    pub(crate) version: i32,
    pub(crate) name: String,
    pub(crate) checksum: u64,
    pub(crate) applied_on: Option<String>,
    pub(crate) applied_by: Option<String>,
    duration_ms: Option<i64>,
}

/// Something in the history that no runner writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Whose row it is about, where that can be read.
    pub(crate) version: Option<i32>,
    /// The sentence.
    pub(crate) text: String,
}

/// The history as found: rows that can be understood, and a sentence for each that cannot.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) rows: Vec<Applied>,
    pub(crate) problems: Vec<Problem>,
}

impl History {
    /// Reads the history; empty where the table does not exist. Needs SELECT on it.
    pub(crate) async fn read(session: &Session) -> Result<Self, DbError> {
        let doing = || DbError::doing("read ops.schema_history");
        let exists = include_str!("../../../../sql/migrate/history_exists.sql");
        if !session.query_one(exists, &[]).await.map_err(doing())?.get::<_, bool>(0) {
            return Ok(Self::default());
        }
        let rows =
            session.query(include_str!("../../../../sql/migrate/history.sql"), &[]).await.map_err(doing())?;
        Ok(Self::from_json(rows.iter().map(|row| row.get::<_, &str>(0))))
    }

    fn from_json<'a>(rows: impl Iterator<Item = &'a str>) -> Self {
        let mut history = Self::default();
        for text in rows {
            match parse(text) {
                Ok(row) if history.rows.iter().any(|r| r.version == row.version) => {
                    let text = format!("version {} is there twice", row.version);
                    history.problems.push(Problem { version: Some(row.version), text });
                }
                Ok(row) => history.rows.push(row),
                Err(problem) => history.problems.push(problem),
            }
        }
        history
    }

    /// Returns an error when a row cannot be trusted.
    pub(crate) fn trusted(&self) -> Result<(), MigrateError> {
        match self.problems.first() {
            Some(problem) => Err(MigrateError::History { problem: problem.text.clone() }),
            None => Ok(()),
        }
    }

    /// Returns the highest applied version; 0 where there is none.
    pub(crate) fn last(&self) -> i32 {
        self.rows.iter().map(|row| row.version).max().unwrap_or(0)
    }

    /// Returns each migration of the files and the history, by version.
    pub(crate) fn compare(&self, files: &[MigrationFile]) -> Vec<Entry> {
        let last = self.last();
        let mut entries: BTreeMap<i32, Entry> = files
            .iter()
            .map(|file| {
                let state = if file.version() < last { State::OutOfOrder } else { State::Pending };
                (file.version(), entry(file.version(), file.name(), Some(file.file()), state))
            })
            .collect();
        for row in &self.rows {
            let unknown = || entry(row.version, &row.name, None, State::Unknown);
            let found = entries.entry(row.version).or_insert_with(unknown);
            if let Some(file) = files.iter().find(|file| file.version() == row.version) {
                let same = file.checksum() == row.checksum && file.name() == row.name;
                found.state = if same { State::Applied } else { State::Edited };
            }
            found.applied_on.clone_from(&row.applied_on);
            found.applied_by.clone_from(&row.applied_by);
            found.duration_ms = row.duration_ms;
        }
        entries.into_values().collect()
    }

    /// Returns the files to apply, in order.
    ///
    /// # Errors
    /// The first thing that forbids applying any.
    pub(crate) fn pending<'f>(
        &self,
        files: &'f [MigrationFile],
    ) -> Result<Vec<&'f MigrationFile>, MigrateError> {
        self.trusted()?;
        let applied = self.last();
        let mut pending = Vec::new();
        for entry in self.compare(files) {
            let file = || entry.file.clone().unwrap_or_default();
            match entry.state {
                State::Applied => {}
                State::Pending | State::Interrupted => {
                    pending.extend(files.iter().find(|f| f.version() == entry.version));
                }
                State::Edited => return Err(MigrateError::Edited { file: file() }),
                State::OutOfOrder => return Err(MigrateError::OutOfOrder { file: file(), applied }),
                State::Unknown => {
                    return Err(MigrateError::Unknown { version: entry.version, name: entry.name });
                }
            }
        }
        Ok(pending)
    }
}

fn entry(version: i32, name: &str, file: Option<&str>, state: State) -> Entry {
    Entry {
        version,
        name: name.into(),
        file: file.map(Into::into),
        state,
        applied_on: None,
        applied_by: None,
        duration_ms: None,
    }
}

fn parse(text: &str) -> Result<Applied, Problem> {
    let problem = |version, text: String| Problem { version, text };
    let row: Value = serde_json::from_str(text).map_err(|_| problem(None, "a row is not readable".into()))?;
    let string = |key: &str| row.get(key).and_then(Value::as_str);
    let version = row
        .get("version")
        .and_then(Value::as_i64)
        .and_then(|v| i32::try_from(v).ok())
        .ok_or_else(|| problem(None, "a row has no version".into()))?;
    let wrong = |text: String| problem(Some(version), text);
    let name = string("name").ok_or_else(|| wrong(format!("version {version} has no name")))?;
    let checksum = string("checksum")
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| wrong(format!("the checksum of version {version} is not a number")))?;
    Ok(Applied {
        version,
        name: name.into(),
        checksum,
        applied_on: string("applied_on").map(Into::into),
        applied_by: string("applied_by").map(Into::into),
        duration_ms: row.get("duration_ms").and_then(Value::as_i64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: i32) -> MigrationFile {
        let name = format!("V{version:04}__m.sql");
        MigrationFile::parse(&name, b"-- unisys:owner login\nselect 1;\n").unwrap()
    }

    fn row(version: i32, checksum: &str) -> String {
        format!(
            r#"{{"version": {version}, "name": "m", "checksum": "{checksum}", "applied_on": "2026-11-21"}}"#
        )
    }

    fn states(history: &History, files: &[MigrationFile]) -> Vec<(i32, State)> {
        history.compare(files).iter().map(|e| (e.version, e.state)).collect()
    }

    #[test]
    fn files_and_history_are_matched_by_version() {
        let files = [file(1), file(2), file(3), file(5)];
        let rows = [row(1, &files[0].checksum().to_string()), row(3, "1"), row(4, "7")];
        let history = History::from_json(rows.iter().map(String::as_str));
        use State::{Applied, Edited, OutOfOrder, Pending, Unknown};
        let expected = [(1, Applied), (2, OutOfOrder), (3, Edited), (4, Unknown), (5, Pending)];
        assert_eq!(states(&history, &files), expected);
        let error = history.pending(&files).unwrap_err().to_string();
        assert_eq!(error, "V0002__m.sql is not applied, but version 4 is: versions go up");
    }

    #[test]
    fn without_a_history_everything_is_pending() {
        let files = [file(1), file(2)];
        let pending = History::default().pending(&files).unwrap();
        assert_eq!(pending.iter().map(|f| f.version()).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn rows_nobody_wrote_are_problems_and_stop_everything() {
        let rows = [row(1, "no number"), row(2, "7"), row(2, "7"), "{}".into(), r#"{"version": 3}"#.into()];
        let history = History::from_json(rows.iter().map(String::as_str));
        let expected = [
            "the checksum of version 1 is not a number",
            "version 2 is there twice",
            "a row has no version",
            "version 3 has no name",
        ];
        assert_eq!(
            history.problems.iter().map(|problem| problem.text.as_str()).collect::<Vec<_>>(),
            expected
        );
        let error = history.pending(&[file(1)]).unwrap_err().to_string();
        assert!(error.ends_with("the checksum of version 1 is not a number"), "{error}");
    }
}

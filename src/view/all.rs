//! What a command brought for each of several databases.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::failure::Failure;
use crate::ui::{Page, printable};

/// What a command brought for one database.
pub(crate) struct Of<R> {
    /// Its name in the configuration.
    pub(crate) database: String,
    /// What it brought.
    pub(crate) result: Result<R, Failure>,
}

impl<R> Of<R> {
    /// Returns what goes into JSON for it, where `report` says what goes in for a success.
    pub(crate) fn entry<'a, T: Serialize>(&'a self, report: impl FnOnce(&'a R) -> T) -> Entry<'a, T> {
        Entry {
            database: &self.database,
            result: match &self.result {
                Ok(done) => Ok(report(done)),
                Err(failure) => Err(failure),
            },
        }
    }
}

/// One database in JSON: its name with the fields of its report, or with `"outcome": "error"` and why.
pub(crate) struct Entry<'a, T> {
    database: &'a str,
    result: Result<T, &'a Failure>,
}

impl<T: Serialize> Serialize for Entry<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("database", self.database)?;
        match &self.result {
            Ok(report) => map.serialize_entry("report", report)?,
            Err(failure) => {
                map.serialize_entry("exit", &(failure.exit as u8))?;
                map.serialize_entry("error", &failure.error.to_string())?;
                map.serialize_entry("causes", &failure.causes())?;
                map.serialize_entry("hints", &failure.hints)?;
                if let Some(backup) = &failure.newest_proven {
                    map.serialize_entry("newest_proven", backup)?;
                }
            }
        }
        map.end()
    }
}

/// Adds why databases failed below their table.
pub(crate) fn reasons<R>(mut page: Page, all: &[Of<R>]) -> Page {
    for of in all {
        let Err(failure) = &of.result else { continue };
        page = page.line("").line(format!("{}: {}", of.database, printable(&failure.error.to_string())));
        for cause in failure.causes() {
            page = page.line(format!("  caused by: {}", printable(&cause)));
        }
        if let Some(backup) = &failure.newest_proven {
            page = page.line(format!("  newest proven backup: {backup}"));
        }
        for hint in &failure.hints {
            page = page.line(format!("  next: {hint}"));
        }
    }
    page
}

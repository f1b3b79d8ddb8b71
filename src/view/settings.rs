//! The configuration as a report.

use std::path::PathBuf;

use serde::Serialize;
use toml::Value;

use crate::failure::Failure;
use crate::settings::{Entry, Source, redacted};
use crate::ui::{Cell, Column, Page, Table, Ui};

/// Settings with their sources; passwords are hidden.
#[derive(Serialize)]
pub(crate) struct Report {
    /// The file that was read, if there was one.
    file: Option<PathBuf>,
    pub(crate) settings: Vec<Setting>,
}

/// One setting.
#[derive(Serialize)]
pub(crate) struct Setting {
    key: String,
    value: Value,
    source: Source,
}

impl Report {
    /// Returns the report of all entries, or of those at or below `key`.
    pub(crate) fn of(file: Option<PathBuf>, entries: &[Entry], key: Option<&str>) -> Self {
        let below = |entry: &&Entry| match key {
            Some(key) => {
                entry.key.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
            None => true,
        };
        let setting = |entry: &Entry| Setting {
            key: entry.key.clone(),
            value: redacted(&entry.key, &entry.value),
            source: entry.source.clone(),
        };
        Self { file, settings: entries.iter().filter(below).map(setting).collect() }
    }
}

pub(crate) fn show(ui: &mut Ui, report: &Report) -> Result<(), Failure> {
    ui.answer(report, || {
        // The value is last and never broken: paths are copied from here.
        let mut table = Table::new([Column::whole("Key"), Column::whole("Source"), Column::whole("Value")]);
        for setting in &report.settings {
            let source = Cell::short(&setting.source.short(), setting.source.to_string());
            table.row([setting.key.as_str().into(), source, setting.value.to_string().into()]);
        }
        let file = report.file.as_ref().map_or_else(|| "none".into(), |path| path.display().to_string());
        Page::new().line(format!("Configuration file: {file}")).line("").table(table)
    })
}

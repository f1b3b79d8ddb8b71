//! Backups as reports.

use serde::Serialize;
use unisys_db::fingerprint::Fingerprint;
use unisys_ops::backup::{BackupReport, Copied, Manifest, Tag};

use super::copies::Copy;
use super::prune::{AfterBackup, DatabaseReport};
use crate::failure::Failure;
use crate::ui::human::{bytes, count, duration, span, time};
use crate::ui::{Cell, Column, Page, Table, Ui};

/// What `backup run` answers.
#[derive(Serialize)]
struct Made<'a> {
    outcome: &'static str,
    backup: MadeBackup<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<AfterBackup<'a>>,
    copies: Vec<Copy<'a>>,
}

#[derive(Serialize)]
struct MadeBackup<'a> {
    id: &'a str,
    path: String,
    database: &'a str,
    moment: chrono::DateTime<chrono::Utc>,
    seconds: f64,
    stored_bytes: u64,
    rows: u64,
    large_objects: u64,
    tables: Vec<MadeTable<'a>>,
    tags: &'a [Tag],
    warnings: &'a [String],
}

#[derive(Serialize)]
struct MadeTable<'a> {
    schema: &'a str,
    name: &'a str,
    rows: u64,
    fingerprint: Fingerprint,
    bytes: u64,
}

pub(crate) fn made(
    ui: &mut Ui,
    report: &BackupReport,
    copies: &[Copied],
    pruned: Option<&DatabaseReport>,
) -> Result<(), Failure> {
    let manifest = &report.manifest;
    let tables = report.tables.iter().map(|facts| MadeTable {
        schema: &facts.table.name.schema,
        name: &facts.table.name.name,
        rows: facts.rows.rows,
        fingerprint: facts.rows.fingerprint,
        bytes: facts.rows.bytes,
    });
    let made = Made {
        outcome: "ok",
        backup: MadeBackup {
            id: manifest.id.as_str(),
            path: report.location.clone(),
            database: &manifest.database,
            moment: manifest.moment,
            seconds: manifest.seconds,
            stored_bytes: manifest.stored_bytes(),
            rows: manifest.rows(),
            large_objects: manifest.large_objects.objects,
            tables: tables.collect(),
            tags: &manifest.tags,
            warnings: &manifest.warnings,
        },
        retention: pruned.map(AfterBackup::of),
        copies: copies.iter().map(Copy::of).collect(),
    };
    ui.answer(&made, || {
        let page = made.copies.iter().fold(summary(manifest), |page, copy| page.line(copy.line()));
        let page = page.line("").table(largest(report));
        match &made.retention {
            Some(retention) => page.line("").line(retention.line()),
            None => page,
        }
    })
}

fn summary(manifest: &Manifest) -> Page {
    let took = span(manifest.seconds);
    Page::new()
        .line(format!("Backup {} is complete.", manifest.id))
        .line(format!(
            "Database {} as of {}",
            crate::ui::printable(&manifest.database),
            time(manifest.moment)
        ))
        .line(format!(
            "{} rows in {} tables, {} stored in {}, {} large objects",
            count(manifest.rows()),
            count(manifest.tables.len() as u64),
            bytes(manifest.stored_bytes()),
            duration(took),
            count(manifest.large_objects.objects)
        ))
}

/// How many tables are shown to a person; JSON has all of them.
const SHOWN: usize = 15;

fn largest(report: &BackupReport) -> Table {
    let mut table = Table::new([Column::text("Table"), Column::number("Rows"), Column::number("Size")]);
    let mut sorted: Vec<_> = report.tables.iter().collect();
    sorted.sort_by_key(|facts| std::cmp::Reverse(facts.rows.bytes));
    for facts in sorted.iter().take(SHOWN) {
        let name = facts.table.name.to_string();
        table.row([name.as_str().into(), Cell::count(facts.rows.rows), Cell::bytes(facts.rows.bytes)]);
    }
    if let Some(rest) = sorted.len().checked_sub(SHOWN).filter(|rest| *rest > 0) {
        let rows = sorted.iter().skip(SHOWN).map(|facts| facts.rows.rows).sum();
        let size = sorted.iter().skip(SHOWN).map(|facts| facts.rows.bytes).sum();
        table.row([format!("… and {rest} more").as_str().into(), Cell::count(rows), Cell::bytes(size)]);
    }
    table
}

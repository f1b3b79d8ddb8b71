//! Backups as reports.

use serde::Serialize;
use unisys_db::fingerprint::Fingerprint;
use unisys_ops::backup::{BackupReport, Manifest, Selected, Tag};

use super::copies::Copy;
use super::prune::AfterBackup;
use crate::commands::backup::Finished;
use crate::failure::Failure;
use crate::ui::human::{bytes, count, duration, span, time};
use crate::ui::{Cell, Column, Page, Table, Ui};
use crate::view::all::{self, Of};

/// What `backup run` answers.
#[derive(Serialize)]
pub(crate) struct Made<'a> {
    outcome: &'static str,
    backup: MadeBackup<'a>,
    /// Later steps that failed, a sentence each.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    problems: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<AfterBackup<'a>>,
    copies: Vec<Copy<'a>>,
}

/// One of several: what [`Made`] says, side by side.
#[derive(Serialize)]
struct MadeOne<'a> {
    #[serde(flatten)]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    selection: Option<&'a Selected>,
    standby: bool,
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

impl<'a> Made<'a> {
    /// Returns the answer about a complete backup, with what failed after it.
    pub(crate) fn of(finished: &'a Finished, problems: &'a [String]) -> Self {
        let Finished { report, copies, pruned } = finished;
        Self {
            outcome: "ok",
            backup: made_backup(report),
            problems,
            retention: pruned.as_ref().map(AfterBackup::of),
            copies: copies.iter().map(Copy::of).collect(),
        }
    }
}

pub(crate) fn made(ui: &mut Ui, finished: &Finished, problems: &[String]) -> Result<(), Failure> {
    ui.answer(&Made::of(finished, problems), || page(finished))
}

/// Returns what a person is shown of a backup and of what followed it.
pub(super) fn page(finished: &Finished) -> Page {
    let Finished { report, copies, pruned } = finished;
    let summary = summary(&report.manifest);
    let page = copies.iter().fold(summary, |page, copied| page.line(Copy::of(copied).line()));
    let page = page.line("").table(largest(report));
    let page = match pruned {
        Some(pruned) => page.line("").line(AfterBackup::of(pruned).line()),
        None => page,
    };
    // what has nothing to tell is in JSON
    let of_copies = copies.iter().filter_map(|copy| copy.pruned.as_ref());
    let told = of_copies.filter(|pruned| pruned.outcome() != "nothing");
    told.fold(page, |page, pruned| page.line(AfterBackup::of(pruned).line()))
}

fn made_one(finished: &Finished) -> MadeOne<'_> {
    MadeOne {
        backup: made_backup(&finished.report),
        retention: finished.pruned.as_ref().map(AfterBackup::of),
        copies: finished.copies.iter().map(Copy::of).collect(),
    }
}

fn made_backup(report: &BackupReport) -> MadeBackup<'_> {
    let manifest = &report.manifest;
    let tables = report.tables.iter().map(|facts| MadeTable {
        schema: &facts.table.name.schema,
        name: &facts.table.name.name,
        rows: facts.rows.rows,
        fingerprint: facts.rows.fingerprint,
        bytes: facts.rows.bytes,
    });
    MadeBackup {
        id: manifest.id.as_str(),
        path: report.location.clone(),
        database: &manifest.database,
        moment: manifest.moment,
        seconds: manifest.seconds,
        stored_bytes: manifest.stored_bytes(),
        rows: manifest.rows(),
        large_objects: manifest.large_objects.objects,
        selection: manifest.selection.as_ref(),
        standby: manifest.standby,
        tables: tables.collect(),
        tags: &manifest.tags,
        warnings: &manifest.warnings,
    }
}

/// What `backup run --all` answers.
#[derive(Serialize)]
struct MadeAll<'a> {
    outcome: &'static str,
    databases: Vec<all::Entry<'a, MadeOne<'a>>>,
}

/// Shows what was made of each database: a line for each, then why some failed.
pub(crate) fn made_all(ui: &mut Ui, done: &[Of<Finished>]) -> Result<(), Failure> {
    let failed = done.iter().any(|of| of.result.is_err());
    let made = MadeAll {
        outcome: if failed { "failed" } else { "ok" },
        databases: done.iter().map(|of| of.entry(made_one)).collect(),
    };
    ui.answer(&made, || all::reasons(Page::new().table(made_table(done)), done))
}

fn made_table(done: &[Of<Finished>]) -> Table {
    let mut table = Table::new([
        Column::text("Database"),
        Column::whole("Backup"),
        Column::number("Rows"),
        Column::number("Stored"),
        Column::number("Took"),
    ]);
    for of in done {
        let name = of.database.as_str().into();
        match &of.result {
            Ok(Finished { report: BackupReport { manifest, .. }, .. }) => table.row([
                name,
                manifest.id.as_str().into(),
                Cell::count(manifest.rows()),
                Cell::bytes(manifest.stored_bytes()),
                Cell::about(span(manifest.seconds)),
            ]),
            Err(_) => table.row([name, Cell::short("FAILED", "failed"), "".into(), "".into(), "".into()]),
        }
    }
    table
}

fn summary(manifest: &Manifest) -> Page {
    let took = span(manifest.seconds);
    let page = Page::new()
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
        ));
    let page = match manifest.standby {
        true => page.line(format!("Read from a standby, at the WAL position {}", manifest.lsn)),
        false => page,
    };
    left_out(manifest).fold(page, Page::line)
}

/// Returns a line for each thing that somebody asked to leave out.
pub(super) fn left_out(manifest: &Manifest) -> impl Iterator<Item = String> {
    let phrases = manifest.selection.iter().flat_map(|selection| {
        let rebuilt = selection.rebuilt().map(|phrase| format!("Not as in the source: {phrase}"));
        let left_out = selection.left_out().into_iter().map(|phrase| format!("Left out: {phrase}"));
        left_out.chain(rebuilt).collect::<Vec<_>>()
    });
    phrases.map(|phrase| crate::ui::printable(&phrase))
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

//! Backups as reports.

use serde::Serialize;
use unisys_db::fingerprint::Fingerprint;
use unisys_ops::backup::{BackupReport, Manifest, Selected, Tag};
use unisys_ops::drill::DrillRecord;

use super::copies::Copy;
use super::drill;
use super::prune::AfterBackup;
use crate::commands::backup::{Finished, Made};
use crate::failure::Failure;
use crate::ui::human::{bytes, count, duration, span, time};
use crate::ui::{Cell, Column, Page, Table, Ui, printable};
use crate::view::all::{self, Of};

/// What `backup run` answers.
#[derive(Serialize)]
pub(crate) struct Run<'a> {
    outcome: &'static str,
    backup: MadeBackup<'a>,
    #[serde(flatten)]
    followed: Followed<'a>,
}

/// One of several: what [`Run`] says, side by side.
#[derive(Serialize)]
struct RunOne<'a> {
    #[serde(flatten)]
    backup: MadeBackup<'a>,
    #[serde(flatten)]
    followed: Followed<'a>,
}

/// What came after a backup.
#[derive(Serialize)]
struct Followed<'a> {
    /// Later steps that failed, a sentence each.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    problems: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<AfterBackup<'a>>,
    copies: Vec<Copy<'a>>,
    /// With `--nightly`; null where no drill was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    drill: Option<Option<&'a DrillRecord>>,
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

impl<'a> Run<'a> {
    /// Returns the answer about a complete backup, the drill that followed where one was asked for, and what failed after it.
    pub(crate) fn of(
        finished: &'a Finished,
        drill: Option<&'a Option<DrillRecord>>,
        problems: &'a [String],
    ) -> Self {
        let followed = Followed::of(finished, drill, problems);
        Self { outcome: "ok", backup: made_backup(&finished.report), followed }
    }
}

impl<'a> Followed<'a> {
    fn of(finished: &'a Finished, drill: Option<&'a Option<DrillRecord>>, problems: &'a [String]) -> Self {
        Self {
            problems,
            retention: finished.pruned.as_ref().map(AfterBackup::of),
            copies: finished.copies.iter().map(Copy::of).collect(),
            drill: drill.map(Option::as_ref),
        }
    }
}

/// Shows what was made of one database.
pub(crate) fn one(ui: &mut Ui, Made { finished, drill, problems, .. }: &Made) -> Result<(), Failure> {
    ui.answer(&Run::of(finished, drill.as_ref(), problems), || match drill.iter().flatten().next() {
        Some(record) => page(finished).line("").append(drill::page(record)),
        None => page(finished),
    })
}

/// Returns what a person is shown of a backup and of what followed it.
fn page(finished: &Finished) -> Page {
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

fn run_one(Made { finished, drill, problems, .. }: &Made) -> RunOne<'_> {
    let followed = Followed::of(finished, drill.as_ref(), problems);
    RunOne { backup: made_backup(&finished.report), followed }
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
struct All<'a> {
    outcome: &'static str,
    databases: Vec<all::Entry<'a, RunOne<'a>>>,
}

/// Shows what was made of each database: a line for each, then what went wrong.
pub(crate) fn all(ui: &mut Ui, done: &[Of<Made>]) -> Result<(), Failure> {
    let failed = done.iter().any(|of| of.result.is_err());
    let document = All {
        outcome: if failed { "failed" } else { "ok" },
        databases: done.iter().map(|of| of.entry(run_one)).collect(),
    };
    ui.answer(&document, || {
        let mut page = Page::new().table(all_table(done));
        for of in done {
            for problem in of.result.iter().flat_map(|made| &made.problems) {
                page = page.line("").line(format!("{}: {}", of.database, printable(problem)));
            }
        }
        all::reasons(page, done)
    })
}

fn all_table(done: &[Of<Made>]) -> Table {
    let night = done.iter().any(|of| of.result.as_ref().is_ok_and(|made| made.drill.is_some()));
    let mut table = Table::new([
        Column::text("Database"),
        Column::whole("Backup"),
        Column::number("Rows"),
        Column::number("Stored"),
        Column::number("Took"),
        if night { Column::whole("Drill") } else { Column::hidden("Drill") },
    ]);
    for of in done {
        let name = of.database.as_str().into();
        let Ok(Made { finished: Finished { report: BackupReport { manifest, .. }, .. }, drill, .. }) =
            &of.result
        else {
            let failed = Cell::short("FAILED", "failed");
            table.row([name, failed, "".into(), "".into(), "".into(), "".into()]);
            continue;
        };
        let drilled = drill.iter().flatten().next().map(|record| drill::word(record.outcome));
        table.row([
            name,
            manifest.id.as_str().into(),
            Cell::count(manifest.rows()),
            Cell::bytes(manifest.stored_bytes()),
            Cell::about(span(manifest.seconds)),
            drilled.unwrap_or_default().into(),
        ]);
    }
    table
}

fn summary(manifest: &Manifest) -> Page {
    let took = span(manifest.seconds);
    let page = Page::new()
        .line(format!("Backup {} is complete.", manifest.id))
        .line(format!("Database {} as of {}", printable(&manifest.database), time(manifest.moment)))
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
    phrases.map(|phrase| printable(&phrase))
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

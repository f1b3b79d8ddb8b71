//! Drills as reports.

use std::time::Duration;

use serde::Serialize;
use unisys_ops::drill::{DrillRecord, Outcome};
use unisys_ops::keys::ProvedKeys;

use crate::failure::Failure;
use crate::ui::human::{bytes, count, duration, span, time};
use crate::ui::{Cell, Column, Page, Table, Ui, printable};
use crate::view::all::{self, Of};

/// How many differences are shown to a person; JSON has all of them.
const SHOWN: usize = 20;

pub(crate) fn record(ui: &mut Ui, record: &DrillRecord) -> Result<(), Failure> {
    ui.answer(record, || page(record))
}

/// Returns the word for a drill's outcome.
pub(crate) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Proven => "PROVEN",
        Outcome::Failed => "FAILED",
    }
}

/// What `drill --all` answers.
#[derive(Serialize)]
struct All<'a> {
    outcome: &'static str,
    databases: Vec<all::Entry<'a, &'a DrillRecord>>,
}

/// Shows the drill of each database: a line for each, then why some failed.
pub(crate) fn all(ui: &mut Ui, done: &[Of<DrillRecord>]) -> Result<(), Failure> {
    let proven =
        done.iter().all(|of| of.result.as_ref().is_ok_and(|record| record.outcome == Outcome::Proven));
    let document = All {
        outcome: if proven { "proven" } else { "failed" },
        databases: done.iter().map(|of| of.entry(|record| record)).collect(),
    };
    ui.answer(&document, || {
        let mut page = Page::new().table(all_table(done));
        for of in done {
            let Ok(record) = &of.result else { continue };
            for difference in record.differences.iter().take(SHOWN) {
                page = page.line(format!("{}: {}", of.database, printable(difference)));
            }
        }
        all::reasons(page, done)
    })
}

fn all_table(done: &[Of<DrillRecord>]) -> Table {
    let mut table = Table::new([
        Column::text("Database"),
        Column::whole("Backup"),
        Column::whole("Outcome"),
        Column::number("Restore"),
        Column::number("Verify"),
    ]);
    for of in done {
        let name = of.database.as_str().into();
        match &of.result {
            Ok(record) => table.row([
                name,
                record.backup.as_str().into(),
                word(record.outcome).into(),
                Cell::about(span(record.restore_seconds)),
                Cell::about(span(record.verify_seconds)),
            ]),
            Err(_) => table.row([name, "".into(), Cell::short("NOT DONE", "error"), "".into(), "".into()]),
        }
    }
    table
}

pub(super) fn page(record: &DrillRecord) -> Page {
    let compared = &record.compared;
    let word = word(record.outcome);
    let mut page = Page::new()
        .line(format!("{word}  {}", record.backup))
        .line(format!("Drilled {} on PostgreSQL {}", time(record.started), record.server_version))
        .line("");
    for difference in record.differences.iter().take(SHOWN) {
        page = page.line(format!("  {}", printable(difference)));
    }
    if record.differences.len() > SHOWN {
        page = page.line(format!("  … and {} more; --format json has all", record.differences.len() - SHOWN));
    }
    if record.outcome == Outcome::Proven {
        page = page
            .line(format!(
                "Equal: {} rows in {} tables ({}), {} sequences, {} large objects,",
                count(compared.rows),
                count(compared.tables),
                bytes(compared.bytes),
                count(compared.sequences),
                count(compared.large_objects)
            ))
            .line(format!(
                "       {} catalog objects, {} definitions",
                count(compared.objects),
                count(compared.statements)
            ));
    }
    for text in &record.not_compared {
        page = page.line(format!("Not compared: {}", printable(text)));
    }
    for line in keys(&record.keys) {
        page = page.line(line);
    }
    let seconds = |seconds: f64| duration(span(seconds));
    page = page.line("").line(format!(
        "Restored in {}, verified in {}",
        seconds(record.restore_seconds),
        seconds(record.verify_seconds)
    ));
    if let Some(rto) = &record.rto {
        page = page.line(format!(
            "Recovery time: about {} when durable (ANALYZE {}, {}/s synced)",
            seconds(rto.seconds),
            seconds(rto.analyze_seconds),
            bytes(rto.synced_bytes_per_second as u64)
        ));
    }
    page = page.line(format!("Recovery point: {}", recovery_point(record.rpo_seconds)));
    match &record.signed_by {
        Some(key) => page.line(format!("Signed with {key}")),
        None => page,
    }
}

/// Returns which keys were seen to open the backup, and which nobody tried.
fn keys(keys: &ProvedKeys) -> Vec<String> {
    let line = |what: &str, ids: &[String]| format!("{what}{}", printable(&ids.join(", ")));
    let mut lines = Vec::new();
    if !keys.proved.is_empty() {
        lines.push(line("Keys that open it: ", &keys.proved));
    }
    if !keys.not_proved.is_empty() {
        lines.push(line("Listed, but opens not all of it: ", &keys.not_proved));
    }
    if !keys.proved.is_empty() && !keys.elsewhere.is_empty() {
        lines.push(line("Not tried, kept elsewhere: ", &keys.elsewhere));
    }
    lines
}

/// Returns how far before the drill the backup's data is of.
pub(crate) fn recovery_point(seconds: i64) -> String {
    let distance = duration(Duration::from_secs(seconds.unsigned_abs()));
    match seconds {
        0.. => format!("{distance} before the drill"),
        _ => format!("{distance} ahead of this machine's clock; compare the clocks"),
    }
}

#[derive(Serialize)]
struct List<'a> {
    drills: &'a [DrillRecord],
}

pub(crate) fn list(ui: &mut Ui, drills: &[DrillRecord]) -> Result<(), Failure> {
    ui.answer(&List { drills }, || list_page(drills))
}

/// Returns the drills as a page.
pub(crate) fn list_page(drills: &[DrillRecord]) -> Page {
    match drills.is_empty() {
        true => Page::new().line("There was no drill yet."),
        false => Page::new().table(drills_table(drills)),
    }
}

/// Returns a row for each drill.
pub(super) fn drills_table(drills: &[DrillRecord]) -> Table {
    let mut table = Table::new([
        Column::whole("Drilled (UTC)"),
        Column::whole("Backup"),
        Column::whole("Outcome"),
        Column::hidden("Differences"),
        Column::hidden("Restore"),
        Column::hidden("Verify"),
        Column::number("RTO"),
        Column::number("RPO"),
        Column::hidden("Signed with"),
    ]);
    for drill in drills {
        let seconds = |seconds: f64| Cell::about(span(seconds));
        let differences = drill.differences.len();
        let outcome = match drill.outcome {
            Outcome::Proven => "proven".into(),
            Outcome::Failed => Cell::short(&format!("failed ({differences})"), "failed"),
        };
        table.row([
            Cell::time(drill.started),
            drill.backup.as_str().into(),
            outcome,
            Cell::count(differences as u64),
            seconds(drill.restore_seconds),
            seconds(drill.verify_seconds),
            drill.rto.as_ref().map_or_else(|| Cell::short("?", ""), |rto| seconds(rto.seconds)),
            Cell::about(Duration::from_secs(drill.rpo_seconds.unsigned_abs())),
            drill.signed_by.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}

//! Drills as reports.

use std::time::Duration;

use serde::Serialize;
use unisys_ops::drill::{DrillRecord, Outcome};

use crate::failure::Failure;
use crate::ui::human::{bytes, count, duration, span, time};
use crate::ui::{Cell, Column, Page, Table, Ui, printable};

/// How many differences are shown to a person; JSON has all of them.
const SHOWN: usize = 20;

pub(crate) fn record(ui: &mut Ui, record: &DrillRecord) -> Result<(), Failure> {
    ui.answer(record, || page(record))
}

fn page(record: &DrillRecord) -> Page {
    let compared = &record.compared;
    let word = match record.outcome {
        Outcome::Proven => "PROVEN",
        Outcome::Failed => "FAILED",
    };
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

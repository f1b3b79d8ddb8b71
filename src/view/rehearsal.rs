//! Rehearsals as reports.

use std::time::Duration;

use unisys_db::migrate::AppliedNow;
use unisys_ops::rehearsal::{Outcome, RehearsalReport};

use super::changes;
use crate::failure::Failure;
use crate::ui::human::{bytes, count, duration, span, time};
use crate::ui::{Cell, Column, Page, Table, Ui, printable};

pub(crate) fn report(ui: &mut Ui, report: &RehearsalReport) -> Result<(), Failure> {
    ui.answer(report, || page(report))
}

fn page<'a>(report: &'a RehearsalReport) -> Page {
    let seconds = |seconds: f64| duration(span(seconds));
    let word = match report.outcome {
        Outcome::Rehearsed => "REHEARSED",
        Outcome::NothingPending => "NOTHING PENDING",
        Outcome::Failed => "FAILED",
    };
    let mut page = Page::new()
        .line(format!("{word}  on {}", report.backup))
        .line(format!(
            "Data of {}, restored in {} on PostgreSQL {}",
            time(report.moment),
            seconds(report.restore_seconds),
            report.server_version
        ))
        .line(format!(
            "{} migrations were there; applied as {}, with its rights",
            report.already,
            printable(&report.login)
        ))
        .line("");
    if !report.migrations.is_empty() || report.failed.is_some() {
        let mut table =
            Table::new([Column::whole("Migration"), Column::number("Took"), Column::text("State")]);
        for migration in &report.migrations {
            let took = Cell::about(Duration::from_millis(migration.duration_ms));
            table.row([migration.file.as_str().into(), took, "applied".into()]);
        }
        if let Some(file) = &report.failed {
            table.row([file.as_str().into(), "".into(), "FAILED, rolled back".into()]);
        }
        page = page.table(table);
    }
    if let Some(failure) = &report.failure {
        if report.failed.is_some() || !report.migrations.is_empty() {
            page = page.line("");
        }
        page = page.line(printable(failure));
    }
    let of_each = |migration: &'a AppliedNow| migration.locks.iter().map(move |lock| (migration, lock));
    let locks: Vec<_> = report.migrations.iter().flat_map(of_each).collect();
    if !locks.is_empty() {
        let mut table = Table::new([
            Column::text("Locked"),
            Column::text("Mode"),
            Column::number("Held"),
            Column::text("Stops"),
            Column::text("By"),
        ]);
        for (migration, lock) in locks.iter().take(changes::SHOWN) {
            table.row([
                lock.relation.as_str().into(),
                lock.mode.to_string().into(),
                Cell::about(Duration::from_millis(lock.held_ms)),
                lock.mode.stops().into(),
                format!("V{:04}", migration.version).into(),
            ]);
        }
        page = page.line("").table(table);
        page = changes::more(page, locks.len(), "locks");
    }
    page = changes::add(page, &report.changes.tables);
    page = page.line("").line(format!(
        "Rows {} before, {} after; size {} before, {} after",
        count(report.changes.rows_before),
        count(report.changes.rows_after),
        bytes(report.bytes_before),
        bytes(report.bytes_after)
    ));
    report.not_rehearsed.iter().fold(page, |page, text| page.line(format!("Not rehearsed: {text}")))
}

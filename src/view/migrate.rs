//! Migrations as reports.

use serde::Serialize;
use unisys_db::migrate::{BaselineReport, Event, State, StatusReport, UpReport, VerifyReport};

use crate::failure::Failure;
use crate::ui::{Cell, Column, Page, Table, Ui, printable};

pub(crate) fn status(ui: &mut Ui, report: &StatusReport) -> Result<(), Failure> {
    ui.answer(report, || compared(report))
}

/// The history beside the files.
fn compared(report: &StatusReport) -> Page {
    let pending = report.pending();
    let mut table = Table::new([
        Column::number("Version"),
        Column::text("Name"),
        Column::whole("State"),
        Column::text("Applied"),
        Column::text("By"),
    ]);
    for entry in &report.migrations {
        table.row([
            Cell::count(u64::try_from(entry.version).unwrap_or(0)),
            entry.name.as_str().into(),
            word(entry.state).into(),
            entry.applied_on.as_deref().map(to_the_second).unwrap_or_default().as_str().into(),
            entry.applied_by.as_deref().unwrap_or_default().into(),
        ]);
    }
    let mut page = Page::new()
        .line(format!("Database {}: {pending} pending", printable(&report.database)))
        .line("")
        .table(table);
    for problem in &report.problems {
        page = page.line(format!("ops.schema_history: {}", printable(problem)));
    }
    page
}

pub(crate) fn verify(ui: &mut Ui, report: &VerifyReport) -> Result<(), Failure> {
    ui.answer(report, || {
        let mut page = compared(&report.status);
        for script in &report.scripts {
            let line = script.line.map(|line| format!(", line {line}")).unwrap_or_default();
            page = page.line(match (&script.error, script.passed()) {
                (Some(error), _) => format!("{}: not run: {error}", script.file),
                (None, true) => format!("{}: nothing found", script.file),
                (None, false) => format!("{}{line}: found", script.file),
            });
            page = page.lines(script.rows.iter().map(|row| format!("  {row}")));
        }
        page
    })
}

pub(crate) fn baseline(ui: &mut Ui, report: &BaselineReport) -> Result<(), Failure> {
    ui.answer(report, || {
        let last = report.recorded.last().map(String::as_str).unwrap_or_default();
        Page::new().line(format!("{} migrations count as applied, up to {last}", report.recorded.len()))
    })
}

/// What was applied, and the backup that was taken before.
#[derive(Serialize)]
struct Applied<'a> {
    #[serde(flatten)]
    report: &'a UpReport,
    backup: Option<&'a str>,
}

pub(crate) fn applied(ui: &mut Ui, report: &UpReport, backup: Option<&str>) -> Result<(), Failure> {
    ui.answer(&Applied { report, backup }, || {
        let mut page = Page::new();
        if let Some(backup) = backup {
            page = page.line(format!("backup  {backup}, pinned until a newer one is proven"));
        }
        for migration in &report.applied {
            page = page.line(format!("applied {} in {} ms", migration.file, migration.duration_ms));
        }
        page.line(format!("{} applied, {} were there before", report.applied.len(), report.already))
    })
}

/// Says what a run does, step by step.
pub(crate) fn step(ui: &Ui, event: &Event<'_>) {
    match event {
        Event::Starting(file) => ui.status(format!("applying {}", file.file())),
        Event::Waiting { file, attempt, of, pause, holders } => {
            let pause = pause.as_secs_f64();
            ui.status(format!(
                "{}: attempt {attempt} of {of} got no lock; again in {pause:.0} s",
                file.file()
            ));
            for holder in *holders {
                ui.status(format!("held by {}", printable(holder)));
            }
        }
        Event::DroppedInvalid { file, index } => {
            ui.status(format!("{}: dropped the invalid index {}", file.file(), printable(index)));
        }
        Event::Resolved { file, applied: true } => {
            ui.warning(format!("the connection was lost at the COMMIT of {}: it was applied", file.file()));
        }
        Event::TakingBack(file) => ui.status(format!("taking back {}", file.file())),
        Event::Resolved { .. } | Event::Applied { .. } => {}
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Applied => "applied",
        State::Pending => "pending",
        State::Edited => "edited since",
        State::Unknown => "unknown file",
        State::OutOfOrder => "out of order",
        State::Interrupted => "interrupted",
    }
}

/// `2026-11-21T04:00:00.123456Z` → `2026-11-21 04:00:00`
fn to_the_second(time: &str) -> String {
    time.chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

//! The university's data as reports.

use serde::Serialize;
use unisys_db::audit::{State, Step};
use unisys_db::generate::{self, Plan};
use unisys_db::quality::{Outcome, Report, Severity};

use crate::failure::Failure;
use crate::ui::human::bytes;
use crate::ui::{Cell, Column, Page, Table, Ui};

pub(crate) fn plan(ui: &mut Ui, plan: &Plan) -> Result<(), Failure> {
    ui.answer(plan, || {
        let mut table =
            Table::new([Column::text("Table"), Column::number("Rows now"), Column::number("Rows then")]);
        for row in &plan.tables {
            table.row([
                row.table.to_string().as_str().into(),
                Cell::count(size(row.rows_now)),
                Cell::count(row.rows),
            ]);
        }
        Page::new().table(table)
    })
}

pub(crate) fn generated(ui: &mut Ui, report: &generate::Report) -> Result<(), Failure> {
    ui.answer(report, || {
        let mut table = Table::new([Column::text("Table"), Column::number("Rows"), Column::number("Size")]);
        for row in &report.tables {
            table.row([
                row.table.to_string().as_str().into(),
                Cell::count(row.rows),
                Cell::bytes(size(row.total_bytes)),
            ]);
        }
        let page = Page::new()
            .table(table)
            .line(format!("The database has {}.", bytes(size(report.database_bytes))));
        match &report.key.demonstration {
            Some(key) => {
                page.line(format!("Sensitive columns are encrypted with a key that everybody knows: {key}"))
            }
            None => page.line(format!("Sensitive columns are encrypted with key {}.", report.key.id)),
        }
    })
}

#[derive(Serialize)]
struct Months<'a> {
    #[serde(flatten)]
    state: &'a State,
    steps: &'a [Step],
}

/// The audit log's months, and what is to be done about them.
pub(crate) fn months(ui: &mut Ui, state: &State, steps: &[Step]) -> Result<(), Failure> {
    let leaves =
        |which| steps.iter().any(|step| matches!(step, Step::Detach { month, .. } if *month == which));
    ui.answer(&Months { state, steps }, || {
        let mut table = Table::new([
            Column::whole("Month"),
            Column::number("Rows (about)"),
            Column::number("Size"),
            Column::text("To do"),
        ]);
        for partition in &state.partitions {
            let month = partition.month.map(|month| month.format("%Y-%m").to_string());
            let astray: i64 = state.astray.iter().map(|(_, rows)| rows).sum();
            let to_do = match month {
                None if astray > 0 => "drain",
                _ if partition.month.is_some_and(leaves) => "detach",
                _ => "",
            };
            // The default partition is counted, not estimated.
            let rows = if month.is_none() { astray } else { partition.rows };
            table.row([
                month.as_deref().unwrap_or("(default)").into(),
                Cell::count(size(rows)),
                Cell::bytes(size(partition.bytes)),
                to_do.into(),
            ]);
        }
        for step in steps {
            if let Step::Make { month, rows } = step {
                table.row([
                    month.format("%Y-%m").to_string().as_str().into(),
                    Cell::count(size(*rows)),
                    Cell::bytes(0),
                    if leaves(*month) { "make, detach" } else { "make" }.into(),
                ]);
            }
        }
        Page::new().table(table)
    })
}

/// A step as a line, once it is done.
pub(crate) fn step_done(step: &Step) -> String {
    match step {
        Step::Make { month, rows: 0 } => format!("made {}", month.format("%Y-%m")),
        Step::Make { month, rows } => format!("made {}, rows moved to it: {rows}", month.format("%Y-%m")),
        Step::Detach { month, .. } => format!("detached {}", month.format("%Y-%m")),
    }
}

pub(crate) fn quality(ui: &mut Ui, report: &Report) -> Result<(), Failure> {
    let findings = &report.rules;
    ui.answer(report, || {
        let mut table = Table::new([
            Column::whole("Rule"),
            Column::whole("Severity"),
            Column::number("Rows"),
            Column::text("What holds, or the first that break it"),
        ]);
        for finding in findings {
            let (rows, text) = match &finding.outcome {
                Outcome::Held => (Cell::count(0), finding.description.clone()),
                Outcome::Broken { rows, first } => (Cell::count(size(*rows)), first.join(", ")),
                Outcome::Failed { reason } => ("-".into(), format!("could not be run: {reason}")),
            };
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Notice => "notice",
            };
            table.row([finding.code.as_str().into(), severity.into(), rows, text.as_str().into()]);
        }
        let broken = findings.iter().filter(|f| matches!(f.outcome, Outcome::Broken { .. })).count();
        Page::new().table(table).line(format!("{broken} of {} rules are broken.", findings.len()))
    })
}

fn size(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

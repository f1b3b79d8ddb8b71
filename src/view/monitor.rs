//! Checks of a server as a report, as a line for Nagios, as figures for Prometheus.

mod prometheus;

use std::time::Duration;

use serde::Serialize;
use unisys_db::monitor::{Cell as Value, Check, Judged, Report, State, Threshold, Unit};

use crate::failure::Failure;
use crate::ui::{Cell, Column, Nagios, Page, Table, Ui, human};

pub(crate) use prometheus::prometheus;

/// Shows each check in a line, and in full what is not well or was named.
pub(crate) fn report(ui: &mut Ui, report: &Report, named: bool) -> Result<(), Failure> {
    ui.answer(report, || {
        let mut page = Page::new();
        let mut table =
            Table::new([Column::whole("State"), Column::whole("Check"), Column::text("What was found")]);
        for check in &report.checks {
            let verdict = &check.verdict;
            table.row([
                verdict.state.word().into(),
                check.check.as_str().into(),
                verdict.summary.as_str().into(),
            ]);
        }
        page = page.table(table);
        let told = |check: &&Judged| named || check.verdict.state > State::NoData;
        for check in report.checks.iter().filter(told) {
            page = page.line("").append(details(check));
        }
        page
    })
}

/// A check in full.
fn details(check: &Judged) -> Page {
    let verdict = &check.verdict;
    let mut page = Page::new().line(format!("{} — {}: {}", check.check, check.title, verdict.state));
    if let Some(meaning) = check.meaning {
        page = page.line(format!("  {meaning}"));
    }
    if !verdict.items.is_empty() {
        let heads = verdict.columns.iter().map(|column| match column.unit {
            Unit::Text => Column::text(column.title),
            _ => Column::number(column.title),
        });
        let mut table = Table::new([Column::whole("State")].into_iter().chain(heads));
        for item in &verdict.items {
            let cells =
                verdict.columns.iter().zip(&item.cells).map(|(column, value)| cell(value, column.unit));
            table.row_of([Cell::from(item.state.word())].into_iter().chain(cells).collect());
        }
        page = page.table(table);
        if verdict.left_out > 0 {
            page = page.line(format!("  … and {} more", verdict.left_out));
        }
    }
    for action in &verdict.actions {
        page = page.line(format!("  {};  -- {}", action.sql, action.why));
        if let Some(undo) = &action.undo {
            page = page.line(format!("  {undo};  -- takes it back"));
        }
    }
    if let Some(advice) = check.advice {
        page = page.line(format!("  {advice}"));
    }
    match &check.grant {
        Some(grant) => page.line(format!("  To let this login see it: {grant};")),
        None => page,
    }
}

fn cell(value: &Value, unit: Unit) -> Cell {
    match value {
        Value::Unknown => Cell::short("-", ""),
        Value::Text(text) => text.as_str().into(),
        Value::Number(number) => Cell::short(&shown(*number, unit), number.to_string()),
    }
}

/// A number in its unit.
fn shown(number: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => human::bytes(number.max(0.0) as u64),
        Unit::Seconds => human::duration(Duration::try_from_secs_f64(number).unwrap_or_default()),
        Unit::Percent => format!("{number:.1} %"),
        Unit::Count => human::count(number.max(0.0) as u64),
        Unit::Text => number.to_string(),
    }
}

#[derive(Serialize)]
struct Listed<'a> {
    checks: Vec<ListedCheck<'a>>,
}

#[derive(Serialize)]
struct ListedCheck<'a> {
    check: &'a str,
    title: &'a str,
    thresholds: Vec<ListedThreshold<'a>>,
    /// The statement that lets a login see all of it.
    grant: Option<String>,
}

#[derive(Serialize)]
struct ListedThreshold<'a> {
    name: &'a str,
    unit: Unit,
    warning: f64,
    critical: Option<f64>,
}

/// Shows what there is to look at.
pub(crate) fn checks(ui: &mut Ui, checks: &[&Check]) -> Result<(), Failure> {
    let threshold = |threshold: &Threshold| ListedThreshold {
        name: threshold.name,
        unit: threshold.unit,
        warning: threshold.warning,
        critical: threshold.critical,
    };
    let listed = Listed {
        checks: checks
            .iter()
            .map(|check| ListedCheck {
                check: check.id,
                title: check.title,
                thresholds: check.thresholds.iter().map(threshold).collect(),
                grant: check.needs.grant("LOGIN"),
            })
            .collect(),
    };
    ui.answer(&listed, || {
        let mut table = Table::new([
            Column::whole("Check"),
            Column::text("Looks at"),
            Column::text("Warning, critical"),
            Column::text("Needs"),
        ]);
        for check in checks {
            let mark = |threshold: &Threshold| {
                let critical =
                    threshold.critical.map_or_else(|| "never".into(), |mark| shown(mark, threshold.unit));
                format!("{} {}, {critical}", threshold.name, shown(threshold.warning, threshold.unit))
            };
            let marks: Vec<String> = check.thresholds.iter().map(mark).collect();
            let needs = check.needs.words();
            table.row([check.id.into(), check.title.into(), marks.join("; ").into(), needs.into()]);
        }
        Page::new().table(table)
    })
}

/// Answers Nagios: the worst, in how many checks, and every figure.
pub(crate) fn nagios(ui: &mut Ui, report: &Report) {
    let verdict = match report.state {
        State::Ok => Nagios::Ok,
        State::Warning => Nagios::Warning,
        State::Critical => Nagios::Critical,
        State::Unsupported | State::NoData => Nagios::Ok,
        State::NotPermitted => Nagios::Unknown,
    };
    let wrong: Vec<String> = report
        .checks
        .iter()
        .filter(|check| check.verdict.state > State::NoData)
        .map(|check| format!("{} {}: {}", check.check, check.verdict.state, check.verdict.summary))
        .collect();
    let text = match wrong.is_empty() {
        true => format!("{} checks, nothing wrong found", report.checks.len()),
        false => wrong.join("; "),
    };
    let figures: Vec<String> = report
        .checks
        .iter()
        .flat_map(|check| &check.verdict.metrics)
        .map(|metric| {
            let labels: String = metric.labels.iter().map(|(_, value)| format!("_{value}")).collect();
            let unit = match metric.unit {
                Unit::Bytes => "B",
                Unit::Seconds => "s",
                Unit::Percent => "%",
                Unit::Count | Unit::Text => "",
            };
            // a quote ends a label
            format!("'{}'={}{unit}", format!("{}{labels}", metric.name).replace('\'', "_"), metric.value)
        })
        .collect();
    ui.nagios(verdict, &text, &figures);
}

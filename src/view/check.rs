//! Checks of stored backups as a report.

use serde::Serialize;
use unisys_ops::backup::CheckReport;
use unisys_ops::evidence::Verdict;

use crate::failure::Failure;
use crate::ui::human::{bytes, count};
use crate::ui::{Column, Page, Table, Ui};

#[derive(Serialize)]
struct Checked<'a> {
    outcome: &'static str,
    backups: &'a [CheckReport],
}

pub(crate) fn reports(ui: &mut Ui, reports: &[CheckReport]) -> Result<(), Failure> {
    let sound = reports.iter().all(|report| report.findings.is_empty());
    let checked = Checked { outcome: if sound { "ok" } else { "bad" }, backups: reports };
    ui.answer(&checked, || page(reports))
}

/// A line for each backup; each finding is one row.
fn page(reports: &[CheckReport]) -> Page {
    let mut page = Page::new();
    let mut table = Table::new([Column::whole("Backup"), Column::whole("File"), Column::whole("Problem")]);
    let mut found = 0;
    for report in reports {
        page = page.line(line(report));
        for finding in &report.findings {
            table.row([
                report.id.as_str().into(),
                finding.file.as_str().into(),
                finding.problem.as_str().into(),
            ]);
            found += 1;
        }
    }
    if found == 0 { page } else { page.line("").table(table) }
}

/// Returns what a sound signature is worth, in a word or two.
fn short(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Trusted { .. } => "signature trusted",
        Verdict::Unsigned => "not signed",
        _ => "signed, no key is trusted",
    }
}

fn line(report: &CheckReport) -> String {
    let word = match report.findings.len() {
        0 => "whole".to_owned(),
        1 => "1 finding".to_owned(),
        several => format!("{several} findings"),
    };
    let mut line = format!("{}  {word}: {} files, {}", report.id, count(report.files), bytes(report.bytes));
    match &report.signature {
        Some(verdict) if verdict.problem().is_none() => line += &format!(", {}", short(verdict)),
        _ => {}
    }
    if report.data_read {
        line += &format!(", all read, {} rows of large tables counted", count(report.rows));
    }
    line
}

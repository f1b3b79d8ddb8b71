//! What is otherwise than the policy says, as a report: drift, assertions, traps.

use serde::Serialize;
use unisys_db::roles::lint::{Finding, Severity};
use unisys_db::roles::{Asserted, Broken, Close, Difference, Policy, Statement};

use crate::failure::Failure;
use crate::ui::human::count;
use crate::ui::{Page, Ui};

/// How many findings of a kind people are shown; JSON has all.
const SHOWN: usize = 20;

#[derive(Serialize)]
pub(crate) struct Report<'a> {
    outcome: &'static str,
    database: &'a str,
    policy: &'a str,
    drift: Difference,
    assertions: Asserted,
    lint: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(
        database: &'a str,
        policy: &'a Policy,
        drift: Difference,
        assertions: Asserted,
        lint: Vec<Finding>,
    ) -> Self {
        let policy = policy.sha256.as_str();
        let mut report = Self { outcome: "clean", database, policy, drift, assertions, lint };
        if report.findings() > 0 {
            report.outcome = "findings";
        }
        report
    }

    /// Whether all is as it shall be; warnings and notices are none of that.
    pub(crate) fn is_clean(&self) -> bool {
        self.findings() == 0
    }

    fn drifted(&self) -> usize {
        self.drift.changes.len() + self.drift.impossible.len()
    }

    fn dangers(&self) -> usize {
        self.lint.iter().filter(|finding| finding.severity == Severity::Danger).count()
    }

    fn findings(&self) -> usize {
        self.drifted() + self.assertions.broken.len() + self.dangers()
    }
}

pub(crate) fn show(ui: &mut Ui, report: &Report<'_>) -> Result<(), Failure> {
    ui.answer(report, || page(report))
}

fn page(report: &Report<'_>) -> Page {
    let mut page = Page::new();
    let sections = [
        ("Drift", drift(report)),
        ("Assertions that do not hold", report.assertions.broken.iter().map(broken).collect()),
        ("Traps", report.lint.iter().map(trap).collect()),
        ("Worth knowing", notices(report)),
    ];
    for (title, items) in sections.into_iter().filter(|(_, items)| !items.is_empty()) {
        let more = items.len().saturating_sub(SHOWN);
        page = page.line(format!("{title}:"));
        page = page.lines(items.into_iter().take(SHOWN).flatten());
        if more > 0 {
            page = page.line(format!("  … and {} more: --format json has all", count(more as u64)));
        }
        page = page.line("");
    }
    page.line(summary(report))
}

fn summary(report: &Report<'_>) -> String {
    let (checked, broken) = (report.assertions.checked, report.assertions.broken.len());
    let of = format!("{} questions of assertions asked", count(checked as u64));
    if report.is_clean() {
        return format!("CLEAN  {} is as its policy says; {of}", report.database);
    }
    let parts = [
        (report.drifted(), "drift", "drifts"),
        (broken, "broken assertion", "broken assertions"),
        (report.dangers(), "danger", "dangers"),
    ];
    let parts = parts.into_iter().filter(|(number, ..)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(number, one, many)| {
            format!("{} {}", count(number as u64), if number == 1 { one } else { many })
        })
        .collect();
    format!("FINDINGS  {}: {}; {of}", report.database, parts.join(", "))
}

/// `line 12: reason`, and below it the statement that mends it.
fn drift(report: &Report<'_>) -> Vec<Vec<String>> {
    let changes = report.drift.changes.iter().map(|change| {
        let statement = Statement { as_role: change.as_role.clone(), sql: change.sql.clone() };
        vec![format!("  {}{}", line(change.line), change.reason), said("    ", &statement)]
    });
    let impossible = report.drift.impossible.iter().map(|one| {
        vec![format!("  {}cannot {}: {}", line(one.line), one.what, one.why), format!("    {}", one.todo)]
    });
    changes.chain(impossible).collect()
}

fn broken(broken: &Broken) -> Vec<String> {
    let mut lines = vec![format!("  {}{broken}", line(Some(broken.line)))];
    for (place, Close { as_role, sql, .. }) in broken.close.iter().enumerate() {
        let word = if place == 0 { "    close: " } else { "    or:    " };
        lines.push(said(word, &Statement { as_role: as_role.clone(), sql: sql.clone() }));
    }
    lines
}

fn trap(finding: &Finding) -> Vec<String> {
    let severity = match finding.severity {
        Severity::Danger => "danger",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
    };
    let mut lines = vec![
        format!("  {severity} {}: {}", finding.rule.name(), finding.object),
        format!("    {}", finding.why),
    ];
    lines.extend(finding.repair.iter().map(|statement| said("    ", statement)));
    lines
}

fn notices(report: &Report<'_>) -> Vec<Vec<String>> {
    let all = report.drift.notices.iter().chain(&report.assertions.notices);
    all.map(|notice| vec![format!("  {}{}", line(notice.line), notice.text)]).collect()
}

fn line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}

fn said(before: &str, statement: &Statement) -> String {
    let role = statement.as_role.as_ref().map_or_else(String::new, |role| format!("set role {role}; "));
    format!("{before}{role}{};", statement.sql)
}

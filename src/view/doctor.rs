//! A diagnosis as a report.

use std::time::Duration;

use unisys_ops::doctor::{Diagnosis, Estimate, Finding, Level, Lint};

use crate::failure::Failure;
use crate::ui::human::{bytes, duration};
use crate::ui::{Column, Page, Table, Ui};

pub(crate) fn diagnosis(ui: &mut Ui, diagnosis: &Diagnosis) -> Result<(), Failure> {
    let is_csv = ui.is_csv();
    ui.answer(diagnosis, || match is_csv {
        true => Page::new().table(table(&diagnosis.findings)),
        false => page(diagnosis),
    })
}

/// What `backup run --lint-only` answers: the same lines, of the login and the content alone.
pub(crate) fn lint(ui: &mut Ui, lint: &Lint) -> Result<(), Failure> {
    let as_diagnosis = Diagnosis { findings: lint.findings.clone(), estimate: None };
    diagnosis(ui, &as_diagnosis)
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Ok => "OK",
        Level::Skipped => "SKIPPED",
        Level::Warn => "WARN",
        Level::Fail => "FAIL",
    }
}

fn table(findings: &[Finding]) -> Table {
    let heads = ["Level", "Check", "Finding", "Repair"].map(Column::text);
    let mut table = Table::new(heads);
    for finding in findings {
        let repair = finding.repair.as_deref().unwrap_or_default();
        table.row([
            word(finding.level).into(),
            finding.check.into(),
            finding.text.as_str().into(),
            repair.into(),
        ]);
    }
    table
}

/// One line for each finding, never broken: what stands below it is pasted.
fn page(diagnosis: &Diagnosis) -> Page {
    let width = diagnosis.findings.iter().map(|finding| finding.check.chars().count()).max().unwrap_or(0);
    let mut page = Page::new();
    for finding in &diagnosis.findings {
        page = page.line(format!("{:<7}  {:<width$}  {}", word(finding.level), finding.check, finding.text));
        if let Some(repair) = &finding.repair {
            page = page.line(format!("         {repair}"));
        }
    }
    page = page.line("").line(summary(diagnosis));
    match &diagnosis.estimate {
        Some(known) => page.line(estimate(known)),
        None => page,
    }
}

fn summary(diagnosis: &Diagnosis) -> String {
    let levels = [Level::Ok, Level::Warn, Level::Fail, Level::Skipped];
    let counts = levels.map(|level| (diagnosis.count(level), word(level)));
    let told = counts.iter().filter(|(count, word)| *count > 0 || *word != "SKIPPED");
    told.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

fn estimate(known: &Estimate) -> String {
    let about = |seconds: f64| duration(Duration::from_secs_f64(seconds.clamp(1.0, 1e9)));
    let basis = match &known.based_on {
        Some(id) => format!("as {id} took"),
        None => "a rule of thumb, until there is a backup".into(),
    };
    format!(
        "Database of {}: a backup takes about {} and {}, a drill about {} ({basis})",
        bytes(known.database_bytes),
        about(known.backup_seconds),
        bytes(known.stored_bytes),
        about(known.drill_seconds)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repair_stands_alone_on_the_line_below() {
        let mut fail = Finding::fail(
            "tables",
            "dba cannot read public.a",
            "grant select on \"public\".\"a\" to \"dba\";",
        );
        fail.objects = vec!["public.a".into()];
        let findings =
            vec![Finding::ok("connection", "dba@/tmp:5432/app"), fail, Finding::skipped("locale", "tables")];
        let diagnosis = Diagnosis {
            findings,
            estimate: Some(Estimate {
                database_bytes: 2_000_000,
                stored_bytes: 700_000,
                backup_seconds: 0.02,
                drill_seconds: 75.0,
                based_on: None,
            }),
        };
        insta::assert_snapshot!(page(&diagnosis).to_text(false), @r#"
        OK       connection  dba@/tmp:5432/app
        FAIL     tables      dba cannot read public.a
                 grant select on "public"."a" to "dba";
        SKIPPED  locale      not tried: tables comes first

        1 OK, 0 WARN, 1 FAIL, 1 SKIPPED
        Database of 2.0 MB: a backup takes about 1 s and 700.0 kB, a drill about 1 min 15 s (a rule of thumb, until there is a backup)
        "#);
    }
}

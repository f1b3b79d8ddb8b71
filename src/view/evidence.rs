//! The evidence of a drill as a report.

use serde::Serialize;
use unisys_ops::drill::Outcome;
use unisys_ops::evidence::{Evidence, Verdict};

use crate::failure::Failure;
use crate::ui::human::{count, time};
use crate::ui::{Page, Ui, printable};

#[derive(Serialize)]
struct Shown<'a> {
    outcome: &'static str,
    files_compared: bool,
    evidence: &'a Evidence,
}

pub(crate) fn show(ui: &mut Ui, evidence: &Evidence, files_compared: bool) -> Result<(), Failure> {
    let outcome = match (evidence.holds(), evidence.proves()) {
        (_, true) => "proven",
        (true, _) => "failed",
        (false, _) => "does-not-hold",
    };
    ui.answer(&Shown { outcome, files_compared, evidence }, || page(evidence, files_compared))
}

fn page(evidence: &Evidence, files_compared: bool) -> Page {
    let word = if evidence.holds() { "HOLDS" } else { "DOES NOT HOLD" };
    let mut page = Page::new().line(format!("{word}  {}", evidence.backup)).line("");
    for problem in &evidence.problems {
        page = page.line(format!("  {}: {}", printable(&problem.file), printable(&problem.problem)));
    }
    if !evidence.holds() {
        page = page.line("");
    }
    page = page.line(format!("Record    {}", evidence.file));
    page = signature_lines(page, evidence.record_signature.as_ref());
    page = page.line(match evidence.removed {
        Some(_) => "Manifest  removed with its backup; the record has its hash",
        None => "Manifest  manifest.json",
    });
    page = signature_lines(page, evidence.manifest_signature.as_ref());
    if let Some(sha256) = &evidence.manifest_sha256 {
        page = page.line(format!("          SHA-256 {sha256}"));
    }
    page = page.line(match (files_compared, evidence.removed) {
        (true, _) => "Files     compared with the manifest".into(),
        (false, None) => "Files     not compared with the manifest; --files does".into(),
        (false, Some(removed)) => format!("Files     removed {}", time(removed)),
    });
    let Some(record) = &evidence.record else { return page };
    let found = match record.outcome {
        Outcome::Proven => format!(
            "restored and equal, {} rows in {} tables",
            count(record.compared.rows),
            count(record.compared.tables)
        ),
        Outcome::Failed => "FAILED".into(),
    };
    page.line(format!("It says   {}: {found}", time(record.started)))
}

fn signature_lines(page: Page, verdict: Option<&Verdict>) -> Page {
    let Some(verdict) = verdict else { return page };
    let page = page.line(format!("          {}", signed_by(verdict)));
    match verdict.key() {
        Some(key) => page.line(format!("          {}", printable(key))),
        None => page,
    }
}

/// Returns whose signature it is and what that is worth, in a few words; its key stands elsewhere.
pub(crate) fn signed_by(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Trusted { name, .. } if name.is_empty() => "signed with a trusted key".into(),
        Verdict::Trusted { name, .. } => format!("signed by {}, trusted", printable(name)),
        Verdict::Unknown { .. } => "signed; no key is trusted here".into(),
        Verdict::Untrusted { .. } => "signed with a key that is NOT trusted".into(),
        Verdict::Broken { .. } => "its signature does NOT hold".into(),
        Verdict::Missing { .. } => "its signature is MISSING; it was made with".into(),
        Verdict::Unsigned => "not signed".into(),
    }
}

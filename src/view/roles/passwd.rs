//! What became of a password.

use std::path::Path;

use serde::Serialize;
use unisys_db::roles::Password;
use unisys_db::roles::password::{Holder, Outcome, Verdict};

use crate::failure::Failure;
use crate::ui::{Page, Ui};

/// Never the password, nor the verifier.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    role: &'a str,
    /// What the server kept before.
    before: Password,
    verdict: Verdict,
    /// `None`: nothing was to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    /// How often the new password is hashed.
    iterations: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a Path>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(
        holder: &'a Holder,
        verdict: Verdict,
        outcome: Option<Outcome>,
        file: Option<&'a Path>,
    ) -> Self {
        let (role, before, iterations) = (holder.role.as_str(), holder.kind(), holder.iterations());
        Self { role, before, verdict, outcome, iterations, file }
    }
}

pub(crate) fn show(ui: &mut Ui, report: &Report<'_>) -> Result<(), Failure> {
    ui.answer(report, || {
        let role = report.role;
        if report.outcome == Some(Outcome::Unchanged) {
            return Page::new().line(format!("Role {role} has this password already: nothing was changed"));
        }
        let why = match (report.before, report.verdict) {
            (Password::None, _) => "it had none",
            (Password::Md5, _) => "it had one kept as md5",
            (_, Verdict::Weaker) => "it had the same, hashed less often",
            (_, Verdict::Unknown) => "whether it had the same is not known to this login",
            _ => "it had another one",
        };
        let done = if report.outcome.is_none() { "would get a password" } else { "has a new password" };
        let page = Page::new()
            .line(format!("Role {role} {done} ({why})"))
            .line(format!("Kept as SCRAM-SHA-256, {} iterations", report.iterations));
        match report.file {
            Some(path) if report.outcome.is_some() => page.line(format!("Written to {}", path.display())),
            _ => page,
        }
    })
}

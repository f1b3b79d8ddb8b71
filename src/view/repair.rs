//! A repaired history, as a report.

use serde::Serialize;
use unisys_db::migrate::{Repair, RepairPlan, RepairStep};

use crate::failure::Failure;
use crate::ui::{Page, Ui, printable};

/// What is to be changed, or was.
#[derive(Serialize)]
pub(crate) struct Repaired<'a> {
    pub(crate) outcome: &'static str,
    pub(crate) reason: &'a str,
    #[serde(flatten)]
    pub(crate) plan: &'a RepairPlan,
}

impl Repaired<'_> {
    fn page(&self) -> Page {
        let title = match self.outcome {
            "planned" => "To be changed in ops.schema_history, and nowhere else:",
            _ => "Changed in ops.schema_history, and nowhere else:",
        };
        let page = self.plan.steps.iter().fold(Page::new().line(title), |page, step| {
            page.line(format!("  {}", headline(step))).line(format!("    {}", printable(&step.change)))
        });
        page.line(format!("Reason: {}", printable(self.reason)))
    }

    /// Shows it as the answer.
    pub(crate) fn show(&self, ui: &mut Ui) -> Result<(), Failure> {
        ui.answer(self, || self.page())
    }

    /// Shows it beside the answer.
    pub(crate) fn announce(&self, ui: &Ui) {
        self.page().to_text(false).lines().for_each(|line| ui.status(line));
    }
}

fn headline(step: &RepairStep) -> String {
    match (step.repair, &step.file) {
        (Repair::AcceptChecksum(_), Some(file)) => format!("{file} counts as applied as it is now"),
        (repair, _) => format!(
            "version {} ({}) counts as applied no longer; what it did stays",
            repair.version(),
            printable(&step.name)
        ),
    }
}

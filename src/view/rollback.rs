//! Migrations taken back, as reports.

use serde::Serialize;
use unisys_db::migrate::{RollbackPlan, Way};
use unisys_ops::changes::Changes;
use unisys_ops::restore::{IntoPlan, Restored};

use super::changes;
use crate::failure::Failure;
use crate::ui::human::{count, time};
use crate::ui::{Page, Ui, printable};

/// What is to be done, with what would be lost, where rows would be.
#[derive(Serialize)]
pub(crate) struct Planned<'a> {
    pub(crate) outcome: &'static str,
    pub(crate) plan: &'a RollbackPlan,
    pub(crate) restore: Option<&'a IntoPlan>,
    pub(crate) lost: Option<&'a Changes>,
}

impl Planned<'_> {
    fn page(&self) -> Page {
        let mut page = Page::new().line(format!("Back to version {}:", self.plan.to));
        for undo in &self.plan.undo {
            let how = undo.down.as_deref().filter(|_| self.plan.way == Way::Down);
            let how = how.map_or_else(String::new, |file| format!(" by {file}"));
            page =
                page.line(format!("  takes back version {}, {}{how}", undo.version, printable(&undo.name)));
        }
        if let Some(restore) = self.restore {
            page = page.line(format!("By the backup {} of {}", restore.backup, time(restore.moment)));
            if let Some(old) = restore.existing.as_ref().and_then(|existing| existing.kept_as.as_ref()) {
                page =
                    page.line(format!("{} is kept as {old}, with all that is in it now", restore.database));
            }
            page = restore
                .notes
                .iter()
                .fold(page, |page, note| page.line(format!("Note   {}", printable(note))));
        }
        if let Some(lost) = self.lost {
            page = page.line("").line(match lost.tables.len() {
                0 => "Nothing was written since: nothing would be lost.".to_owned(),
                tables => format!(
                    "What was written since would be missing: {tables} tables, {} rows then, {} now",
                    count(lost.rows_before),
                    count(lost.rows_after)
                ),
            });
            page = changes::add(page, &lost.tables);
        }
        page
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

#[derive(Serialize)]
struct Done<'a> {
    outcome: &'static str,
    to: i32,
    taken_back: Vec<i32>,
    restored: Option<&'a Restored>,
}

/// What was done.
pub(crate) fn done(ui: &mut Ui, plan: &RollbackPlan, restored: Option<&Restored>) -> Result<(), Failure> {
    let taken_back: Vec<i32> = plan.undo.iter().map(|undo| undo.version).collect();
    ui.answer(&Done { outcome: "rolled-back", to: plan.to, taken_back, restored }, || {
        let page = Page::new().line(format!("The database is back at version {}", plan.to));
        match restored.and_then(|restored| restored.kept_as.as_ref()) {
            Some(old) => page.line(format!("The one before is kept as {old}")),
            None => page,
        }
    })
}

//! Changes of roles that were made, and one taken back.

use serde::Serialize;
use unisys_db::roles::{Applied, RecordEntry, UndoPlan};

use super::apply::say;
use crate::failure::Failure;
use crate::ui::{Cell, Column, Page, Table, Ui};

#[derive(Serialize)]
struct List<'a> {
    changes: &'a [RecordEntry],
}

/// What was changed, the newest first.
pub(crate) fn list(ui: &mut Ui, records: &[RecordEntry]) -> Result<(), Failure> {
    ui.answer(&List { changes: records }, || {
        if records.is_empty() {
            return Page::new().line("No change of roles is recorded");
        }
        let mut table = Table::new([
            Column::number("Change"),
            Column::whole("When"),
            Column::text("What"),
            Column::text("By"),
            Column::number("Statements"),
        ]);
        for record in records {
            let by = match &record.host {
                Some(host) => format!("{} on {host}", record.login),
                None => record.login.clone(),
            };
            table.row([
                Cell::count(u64::try_from(record.id).unwrap_or(0)),
                record.at.replace('T', " ").trim_end_matches('Z').into(),
                what(record).as_str().into(),
                by.as_str().into(),
                Cell::count(u64::try_from(record.statements).unwrap_or(0)),
            ]);
        }
        Page::new().table(table)
    })
}

fn what(record: &RecordEntry) -> String {
    let mut what = match record.undoes {
        Some(id) => format!("undo of {id}"),
        None => record.action.clone(),
    };
    if let Some(id) = record.undone_by {
        what += &format!(", undone by {id}");
    }
    if record.outcome == "begun" {
        what += ", not ended";
    }
    what
}

#[derive(Serialize)]
struct Planned<'a> {
    outcome: &'static str,
    undo: &'a UndoPlan,
}

/// What would be done.
pub(crate) fn planned(ui: &mut Ui, plan: &UndoPlan) -> Result<(), Failure> {
    ui.answer(&Planned { outcome: "planned", undo: plan }, || statements(plan))
}

/// The same beside the answer.
pub(crate) fn announce(ui: &Ui, plan: &UndoPlan) {
    say(ui, &statements(plan));
}

/// Each has its reason in the change it takes back.
fn statements(plan: &UndoPlan) -> Page {
    plan.changes.iter().fold(Page::new(), |page, change| {
        let by = change.as_role.as_ref().map_or_else(String::new, |role| format!(" -- as {role}"));
        page.line(format!("{};{by}", change.sql))
    })
}

#[derive(Serialize)]
struct Done<'a> {
    outcome: &'static str,
    undoes: i64,
    #[serde(flatten)]
    applied: &'a Applied,
}

/// What was done.
pub(crate) fn done(ui: &mut Ui, undoes: i64, applied: &Applied) -> Result<(), Failure> {
    ui.answer(&Done { outcome: "undone", undoes, applied }, || {
        let id = applied.id.unwrap_or_default();
        Page::new().line(format!("change {id}: change {undoes} is taken back, and all is as it was before"))
    })
}

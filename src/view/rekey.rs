//! Other keys for stored backups, as reports.

use serde::Serialize;
use unisys_ops::backup::{BackupId, RekeyReport};

use crate::commands::pick::Picked;
use crate::failure::Failure;
use crate::ui::human::bytes;
use crate::ui::{Cell, Column, Page, Table, Ui};

/// What is to be done with some backups.
#[derive(Serialize)]
pub(crate) struct Plan {
    pub(crate) backups: Vec<Planned>,
    /// Backups of which not even the keys are known.
    pub(crate) unreadable: Vec<BackupId>,
    /// The short names of the keys they get.
    pub(crate) to: Vec<String>,
    /// Whether a passphrase is to open them, too.
    pub(crate) passphrase: bool,
}

/// What is to be done with one of them.
#[derive(Serialize)]
pub(crate) struct Planned {
    #[serde(rename = "backup", serialize_with = "id")]
    pub(crate) picked: Picked,
    /// The short names of the keys it has.
    pub(crate) recipients: Vec<String>,
    /// Its size as stored.
    pub(crate) bytes: u64,
    pub(crate) todo: Todo,
    /// Where the copies are that get the one with the new keys in its place.
    pub(crate) copies: Vec<String>,
    /// What it takes the place of there.
    #[serde(skip)]
    pub(crate) from: Option<BackupId>,
}

/// What became of one copy of a backup.
#[derive(Serialize)]
pub(crate) struct Replaced {
    pub(crate) from: BackupId,
    pub(crate) to: BackupId,
    pub(crate) location: String,
    /// Why the one with the old keys is still there.
    pub(crate) problem: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Todo {
    /// It gets other keys.
    Rekey,
    /// It has just these, and some of its copies do not.
    Copies,
    /// It has just these.
    Nothing,
}

fn id<S: serde::Serializer>(picked: &Picked, serializer: S) -> Result<S::Ok, S::Error> {
    picked.id.serialize(serializer)
}

#[derive(Serialize)]
struct Planning<'a> {
    outcome: &'static str,
    plan: &'a Plan,
}

/// The plan as the answer.
pub(crate) fn plan(ui: &mut Ui, plan: &Plan) -> Result<(), Failure> {
    ui.answer(&Planning { outcome: "planned", plan }, || {
        let mut table = Table::new([
            Column::whole("Backup"),
            Column::number("Stored"),
            Column::text("Keys now"),
            Column::text("To do"),
        ]);
        for planned in &plan.backups {
            table.row([
                planned.picked.id.as_str().into(),
                Cell::bytes(planned.bytes),
                planned.recipients.join(", ").as_str().into(),
                to_do(planned).as_str().into(),
            ]);
        }
        Page::new().table(table).line("").line(summary(plan))
    })
}

fn to_do(planned: &Planned) -> String {
    let copies = match planned.copies.len() {
        1 => "1 copy".into(),
        several => format!("{several} copies"),
    };
    match (planned.todo, planned.copies.is_empty()) {
        (Todo::Rekey, true) => "new keys".into(),
        (Todo::Rekey, false) => format!("new keys, and {copies}"),
        (Todo::Copies, _) => format!("replace {copies}"),
        (Todo::Nothing, _) => "nothing".into(),
    }
}

/// The plan beside the answer, before anything is done.
pub(crate) fn announce(ui: &Ui, plan: &Plan) {
    for planned in plan.backups.iter().filter(|planned| planned.todo != Todo::Nothing) {
        ui.status(format!(
            "{}  {}  keys now: {}",
            planned.picked.id,
            bytes(planned.bytes),
            planned.recipients.join(", ")
        ));
        for location in &planned.copies {
            ui.status(format!("  it takes the place of its copy in {location}"));
        }
    }
    ui.status(summary(plan));
}

fn summary(plan: &Plan) -> String {
    let todo = plan.backups.iter().filter(|planned| planned.todo == Todo::Rekey);
    let (count, size) = todo.fold((0, 0), |(count, size), planned| (count + 1, size + planned.bytes));
    let mut keys = plan.to.clone();
    keys.extend(plan.passphrase.then(|| "a passphrase".to_owned()));
    let backups = if count == 1 { "1 backup gets".to_owned() } else { format!("{count} backups get") };
    format!(
        "{backups} the keys {}: {} are copied, and read once more; each has to be drilled again.",
        keys.join(", "),
        bytes(size)
    )
}

#[derive(Serialize)]
struct Done<'a> {
    outcome: &'static str,
    rekeyed: &'a [RekeyReport],
    copies: &'a [Replaced],
    failed: &'a [BackupId],
}

pub(crate) fn done(
    ui: &mut Ui,
    rekeyed: &[RekeyReport],
    copies: &[Replaced],
    failed: &[BackupId],
) -> Result<(), Failure> {
    let outcome = if failed.is_empty() { "ok" } else { "failed" };
    ui.answer(&Done { outcome, rekeyed, copies, failed }, || {
        let replaced = copies.iter().filter(|copy| copy.problem.is_none());
        let replaced =
            replaced.map(|copy| format!("{} took the place of {} in {}", copy.to, copy.from, copy.location));
        if rekeyed.is_empty() && copies.is_empty() {
            return Page::new().line("No backup got other keys.");
        }
        let mut table = Table::new([
            Column::whole("Backup"),
            Column::whole("Was"),
            Column::number("Stored"),
            Column::text("Opened by"),
        ]);
        for report in rekeyed {
            let opened = match report.keys.proved.is_empty() {
                true => "no key at hand".to_owned(),
                false => report.keys.proved.join(", "),
            };
            let was = match &report.kept {
                Some(_) => Cell::short(&format!("{}, kept", report.from), report.from.as_str()),
                None => report.from.as_str().into(),
            };
            table.row([
                report.to.as_str().into(),
                was,
                Cell::bytes(report.stored_bytes),
                opened.as_str().into(),
            ]);
        }
        let page = match rekeyed.is_empty() {
            true => Page::new(),
            false => Page::new().table(table),
        };
        replaced.fold(page, Page::line)
    })
}

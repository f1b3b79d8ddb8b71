//! Restores as reports.

use serde::Serialize;
use unisys_ops::restore::{ChosenPlan, IntoPlan, Restored};

use crate::failure::Failure;
use crate::ui::human::{bytes, count, duration, span, time};
use crate::ui::{Cell, Column, Page, Table, Ui, printable};

/// How many differences are shown to a person; JSON has all of them.
const SHOWN: usize = 20;

#[derive(Serialize)]
struct Planned<'a> {
    outcome: &'static str,
    plan: &'a IntoPlan,
}

#[derive(Serialize)]
struct Done<'a> {
    outcome: &'static str,
    #[serde(flatten)]
    restored: &'a Restored,
}

/// The plan as the answer.
pub(crate) fn plan(ui: &mut Ui, plan: &IntoPlan) -> Result<(), Failure> {
    let outcome = if plan.obstacles.is_empty() { "planned" } else { "refused" };
    ui.answer(&Planned { outcome, plan }, || {
        let page = lines(plan).into_iter().fold(Page::new(), Page::line);
        plan.obstacles.iter().fold(page, |page, text| page.line(format!("Not possible: {}", printable(text))))
    })
}

/// The plan beside the answer, before anything is done.
pub(crate) fn announce(ui: &Ui, plan: &IntoPlan) {
    lines(plan).into_iter().for_each(|line| ui.status(printable(&line)));
}

fn lines(plan: &IntoPlan) -> Vec<String> {
    let mut lines = vec![
        format!("Backup {} as of {}", plan.backup, time(plan.moment)),
        format!("Into   {} of {} (PostgreSQL {})", plan.database, plan.server, plan.server_version),
        format!(
            "       {} rows in {} tables, {} on the source's server; owner {}",
            count(plan.rows),
            count(plan.tables),
            bytes(plan.database_bytes),
            plan.owner
        ),
    ];
    match &plan.existing {
        None => lines.push(format!("Makes  the database {}", plan.database)),
        Some(existing) => {
            let what = match (&existing.kept_as, existing.objects) {
                (None, _) => "is empty and will be dropped".to_owned(),
                (Some(old), Some(objects)) => format!("has {objects} objects and will be kept as {old}"),
                (Some(old), None) => format!("lets nobody connect and will be kept as {old}"),
            };
            lines.push(format!("Takes the place of {}, which {what}", plan.database));
            if existing.sessions > 0 {
                lines.push(format!("       {} sessions use it", existing.sessions));
            }
        }
    }
    if !plan.create_roles.is_empty() {
        lines.push(format!("Makes  the roles {}", plan.create_roles.join(", ")));
    }
    lines.extend(plan.notes.iter().map(|note| format!("Note   {note}")));
    if !plan.missing_roles_sql.is_empty() {
        lines.push("Roles that are missing, without their passwords:".into());
        lines.extend(plan.missing_roles_sql.iter().map(|sql| format!("  {sql}")));
    }
    lines
}

/// What was done.
pub(crate) fn done(ui: &mut Ui, restored: &Restored) -> Result<(), Failure> {
    let outcome = if restored.differences.is_empty() { "restored" } else { "differs" };
    ui.answer(&Done { outcome, restored }, || page(restored))
}

fn page(restored: &Restored) -> Page {
    let took = duration(span(restored.seconds));
    let mut page = Page::new();
    if restored.differences.is_empty() {
        page = page.line(format!("Restored into {} in {took}", restored.database));
    } else {
        page = page.line(format!("DIFFERS  {}", restored.database));
    }
    for difference in restored.differences.iter().take(SHOWN) {
        page = page.line(format!("  {}", printable(difference)));
    }
    if restored.differences.len() > SHOWN {
        page =
            page.line(format!("  … and {} more; --format json has all", restored.differences.len() - SHOWN));
    }
    if let (Some(compared), true) = (&restored.compared, restored.differences.is_empty()) {
        page = page.line(format!(
            "Equal: {} rows in {} tables, {} sequences, {} large objects",
            count(compared.rows),
            count(compared.tables),
            count(compared.sequences),
            count(compared.large_objects)
        ));
    }
    if let Some(old) = &restored.kept_as {
        page = page.line(format!("The database before it is kept as {old}"));
    }
    page
}

#[derive(Serialize)]
struct TablesReport<'a> {
    outcome: &'static str,
    #[serde(flatten)]
    plan: &'a ChosenPlan,
    /// What could not come along.
    left_out: &'a [String],
}

/// The plan for chosen tables as the answer.
pub(crate) fn tables_plan(ui: &mut Ui, plan: &ChosenPlan) -> Result<(), Failure> {
    let outcome = if plan.obstacles.is_empty() { "planned" } else { "refused" };
    ui.answer(&TablesReport { outcome, plan, left_out: &[] }, || {
        let page = Page::new().line(head(plan)).table(tables(plan));
        let page = plan.notes.iter().fold(page, |page, text| page.line(format!("Note: {}", printable(text))));
        plan.obstacles.iter().fold(page, |page, text| page.line(format!("Not possible: {}", printable(text))))
    })
}

/// The plan for chosen tables beside the answer.
pub(crate) fn announce_tables(ui: &Ui, plan: &ChosenPlan) {
    ui.status(printable(&head(plan)));
    plan.notes.iter().for_each(|note| ui.status(printable(note)));
    for table in &plan.tables {
        let what = match (table.make, table.partitioned) {
            (true, false) => "make and fill",
            (false, false) => "fill",
            (true, true) => "make partitioned",
            (false, true) => "leave as it is",
        };
        let rows = if table.partitioned { String::new() } else { format!(" ({} rows)", count(table.rows)) };
        ui.status(format!("  {what} {}{rows}", table.table));
    }
}

/// What became of chosen tables.
pub(crate) fn tables_done(ui: &mut Ui, plan: &ChosenPlan, left_out: &[String]) -> Result<(), Failure> {
    ui.answer(&TablesReport { outcome: "restored", plan, left_out }, || {
        let rows = plan.tables.iter().map(|table| table.rows).sum();
        let with_rows = plan.tables.iter().filter(|table| !table.partitioned).count();
        Page::new().table(tables(plan)).line("").line(format!(
            "Restored {} rows of {} tables, equal to the backup",
            count(rows),
            with_rows
        ))
    })
}

fn head(plan: &ChosenPlan) -> String {
    match &plan.into_schema {
        Some(schema) => format!("From backup {} into the schema {schema} of {}", plan.backup, plan.target),
        None => format!("From backup {} into {}", plan.backup, plan.target),
    }
}

fn tables(plan: &ChosenPlan) -> Table {
    let mut table = Table::new([Column::whole("Table"), Column::number("Rows"), Column::text("How")]);
    for chosen in &plan.tables {
        let how = match (chosen.make, chosen.partitioned) {
            (true, false) => "made and filled",
            (false, false) => "filled",
            (true, true) => "made",
            (false, true) => "as it was",
        };
        let rows = if chosen.partitioned { "".into() } else { Cell::count(chosen.rows) };
        table.row([chosen.table.to_string().into(), rows, how.into()]);
    }
    table
}

//! A plan of migrations as a report.

use std::collections::BTreeMap;

use unisys_db::migrate::{Created, PlanReport, Planned, PlannedLock};

use crate::failure::Failure;
use crate::ui::{Cell, Column, Page, Table, Ui, human};

/// Shows what would be applied, what is dangerous about it, and whom it stops.
pub(crate) fn plan(ui: &mut Ui, report: &PlanReport) -> Result<(), Failure> {
    ui.answer(report, || {
        let (applied, pending) = (report.applied, report.pending.len());
        let mut page =
            Page::new().line(format!("Database {}: {applied} applied, {pending} pending", report.database));
        if pending == 0 {
            return page;
        }
        page = page.line("").table(files(&report.pending));
        let locks: Vec<_> = each(&report.pending, |planned| &planned.locks).collect();
        if !locks.is_empty() {
            page = page.line("").line("Locks on tables that are in use:").table(locked(&locks));
        }
        let creates: Vec<_> = report.pending.iter().flat_map(new_objects).collect();
        if !creates.is_empty() {
            page = page.line("").line("New objects, and what others may do with them by default:");
            page = page.table(created(&creates));
        }
        page.append(warnings(&report.pending)).append(broken(&report.pending))
    })
}

fn each<'p, T: 'p>(
    pending: &'p [Planned],
    of: impl Fn(&'p Planned) -> &'p Vec<T>,
) -> impl Iterator<Item = (i32, &'p T)> {
    pending.iter().flat_map(move |planned| of(planned).iter().map(move |item| (planned.version, item)))
}

fn files(pending: &[Planned]) -> Table {
    let mut table = Table::new([Column::whole("Pending"), Column::whole("Runs as"), Column::text("How")]);
    for planned in pending {
        let how = [
            (planned.transaction, "one transaction"),
            (!planned.transaction, "no transaction"),
            (planned.verified, "verified"),
            (planned.reversible, "down script"),
        ];
        let how: Vec<&str> = how.into_iter().filter_map(|(is, word)| is.then_some(word)).collect();
        table.row([
            planned.file.as_str().into(),
            planned.owner.as_deref().unwrap_or("the login").into(),
            how.join(", ").as_str().into(),
        ]);
    }
    table
}

fn locked(locks: &[(i32, &PlannedLock)]) -> Table {
    let mut table = Table::new([
        Column::number("Version"),
        Column::number("Line"),
        Column::whole("Table"),
        Column::text("Lock"),
        Column::text("Stops"),
        Column::number("Rows"),
        Column::number("Size"),
    ]);
    for (version, lock) in locks {
        table.row([
            Cell::count(u64::try_from(*version).unwrap_or(0)),
            Cell::count(u64::try_from(lock.line).unwrap_or(0)),
            lock.relation.as_str().into(),
            lock.mode.to_string().as_str().into(),
            lock.mode.stops().into(),
            estimate(lock.rows, Cell::count),
            estimate(lock.bytes, Cell::bytes),
        ]);
    }
    table
}

fn estimate(number: Option<i64>, cell: fn(u64) -> Cell) -> Cell {
    number.and_then(|number| u64::try_from(number).ok()).map_or_else(|| Cell::short("?", ""), cell)
}

/// A version, what kind of object, and what others may: the names of all that are alike.
type Alike<'p> = ((i32, &'p str, String), Vec<&'p str>);

fn new_objects(planned: &Planned) -> Vec<Alike<'_>> {
    let mut alike: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for object in &planned.creates {
        let key = (planned.version, object.kind, others_may(object));
        alike.entry(key).or_default().push(&object.name);
    }
    alike.into_iter().collect()
}

fn others_may(object: &Created) -> String {
    if object.privileges.is_empty() {
        return "nothing".into();
    }
    let each = object.privileges.iter().map(|p| format!("{}: {}", p.grantee, p.privileges));
    each.collect::<Vec<_>>().join("; ")
}

fn created(objects: &[Alike<'_>]) -> Table {
    let mut table = Table::new([
        Column::number("Version"),
        Column::whole("Kind"),
        Column::text("Name"),
        Column::text("Others may"),
    ]);
    for ((version, kind, others), names) in objects {
        table.row([
            Cell::count(u64::try_from(*version).unwrap_or(0)),
            (*kind).into(),
            names.join(", ").as_str().into(),
            others.as_str().into(),
        ]);
    }
    table
}

fn warnings(pending: &[Planned]) -> Page {
    let mut table = Table::new([
        Column::number("Version"),
        Column::number("Line"),
        Column::text("Table"),
        Column::text("Warning"),
    ]);
    let mut any = false;
    for (version, finding) in each(pending, |planned| &planned.findings) {
        any = true;
        let rows = finding.rows.and_then(|rows| u64::try_from(rows).ok());
        let about = match (&finding.relation, rows) {
            (Some(relation), Some(rows)) => format!("{relation} ({} rows)", human::count(rows)),
            (Some(relation), None) => relation.clone(),
            (None, _) => String::new(),
        };
        let help = finding.help.as_deref().map(|help| format!(" {help}")).unwrap_or_default();
        table.row([
            Cell::count(u64::try_from(version).unwrap_or(0)),
            Cell::count(u64::try_from(finding.line).unwrap_or(0)),
            about.as_str().into(),
            format!("{}{help} ({})", finding.message, finding.rule).as_str().into(),
        ]);
    }
    if any { Page::new().line("").table(table) } else { Page::new() }
}

fn broken(pending: &[Planned]) -> Page {
    let broken: Vec<_> = each(pending, |planned| &planned.broken).collect();
    if broken.is_empty() {
        return Page::new();
    }
    let page = Page::new().line("").line("Nothing will be applied until this is mended:");
    page.lines(broken.iter().map(|(_, broken)| broken.to_string()))
}

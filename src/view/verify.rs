//! Comparisons as reports.

use serde::Serialize;
use unisys_db::verify::{Content, State, Verdict};

use crate::failure::Failure;
use crate::ui::human::count;
use crate::ui::{Cell, Column, Page, Table, Ui};

/// It does not name the sides: a connection string may hold a password.
#[derive(Serialize)]
struct Report<'a> {
    outcome: &'static str,
    compared: &'static str,
    differing: usize,
    tables: &'a [Verdict],
}

pub(crate) fn verdicts(ui: &mut Ui, content: Content, tables: &[Verdict]) -> Result<(), Failure> {
    let differing = tables.iter().filter(|verdict| verdict.state != State::Equal).count();
    let report = Report {
        outcome: if differing == 0 { "equal" } else { "differs" },
        compared: if content == Content::Counts { "counts" } else { "content" },
        differing,
        tables,
    };
    let all = ui.is_csv();
    ui.answer(&report, || page(content, tables, differing, all))
}

/// People see what differs; a spreadsheet gets everything.
fn page(content: Content, tables: &[Verdict], differing: usize, all: bool) -> Page {
    let mut table = Table::new([
        Column::whole("Table"),
        Column::number("Rows A"),
        Column::number("Rows B"),
        Column::text("State"),
    ]);
    for verdict in tables.iter().filter(|verdict| all || verdict.state != State::Equal) {
        let name = verdict.table.to_string();
        table.row([name.into(), rows(verdict.rows_a), rows(verdict.rows_b), state(verdict).into()]);
    }
    let what = if content == Content::Counts { "numbers of rows" } else { "rows" };
    let compared: u64 = tables.iter().map(|verdict| verdict.rows_a.unwrap_or(0)).sum();
    let summary = match differing {
        0 => format!("EQUAL  the {what} of {} tables ({} rows)", count(tables.len() as u64), count(compared)),
        _ => format!("DIFFERS  the {what} of {differing} of {} tables", count(tables.len() as u64)),
    };
    if all || differing > 0 {
        Page::new().table(table).line("").line(summary)
    } else {
        Page::new().line(summary)
    }
}

fn rows(rows: Option<u64>) -> Cell {
    rows.map_or_else(|| Cell::short("-", ""), Cell::count)
}

fn state(verdict: &Verdict) -> String {
    match verdict.state {
        State::Equal => "equal".into(),
        State::Rows => "other number of rows".into(),
        State::Content => "other content".into(),
        State::OnlyInA => "only in A".into(),
        State::OnlyInB => "only in B".into(),
        State::Columns => {
            let sides = [("A", &verdict.columns.only_in_a), ("B", &verdict.columns.only_in_b)].into_iter();
            let sides = sides.filter(|(_, columns)| !columns.is_empty());
            sides
                .map(|(side, columns)| format!("columns only in {side}: {}", columns.join(", ")))
                .collect::<Vec<_>>()
                .join("; ")
        }
    }
}

//! What became of tables since a backup.

use unisys_db::verify::{State, Verdict};

use crate::ui::{Cell, Column, Page, Table};

/// How much of a list is shown to a person; JSON has all of it.
pub(super) const SHOWN: usize = 20;

/// Adds the tables that changed, where some did.
pub(super) fn add(page: Page, tables: &[Verdict]) -> Page {
    if tables.is_empty() {
        return page;
    }
    let mut table = Table::new([
        Column::text("Changed table"),
        Column::number("Rows before"),
        Column::number("After"),
        Column::text("Change"),
    ]);
    let rows = |rows: Option<u64>| rows.map_or_else(|| Cell::short("-", ""), Cell::count);
    for verdict in tables.iter().take(SHOWN) {
        let name = verdict.table.to_string();
        table.row([name.into(), rows(verdict.rows_a), rows(verdict.rows_b), change(verdict).into()]);
    }
    more(page.line("").table(table), tables.len(), "tables")
}

/// Says how much of a list is not shown.
pub(super) fn more(page: Page, all: usize, what: &str) -> Page {
    match all.checked_sub(SHOWN) {
        Some(more) if more > 0 => page.line(format!("… and {more} more {what}; --format json has all")),
        _ => page,
    }
}

fn change(verdict: &Verdict) -> String {
    let columns = |word: &str, columns: &[String]| match columns {
        [] => None,
        columns => Some(format!("{word} {}", columns.join(", "))),
    };
    match verdict.state {
        State::Equal => "none".into(),
        State::Rows => "number of rows".into(),
        State::Content => "content of rows".into(),
        State::OnlyInA => "dropped".into(),
        State::OnlyInB => "new".into(),
        State::Columns => {
            let parts = [
                columns("columns gone:", &verdict.columns.only_in_a),
                columns("columns new:", &verdict.columns.only_in_b),
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
        }
    }
}

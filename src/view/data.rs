//! Generated data as reports.

use unisys_db::generate::{Plan, Report};

use crate::failure::Failure;
use crate::ui::human::bytes;
use crate::ui::{Cell, Column, Page, Table, Ui};

pub(crate) fn plan(ui: &mut Ui, plan: &Plan) -> Result<(), Failure> {
    ui.answer(plan, || {
        let mut table =
            Table::new([Column::text("Table"), Column::number("Rows now"), Column::number("Rows then")]);
        for row in &plan.tables {
            table.row([
                row.table.to_string().as_str().into(),
                Cell::count(size(row.rows_now)),
                Cell::count(row.rows),
            ]);
        }
        Page::new().table(table)
    })
}

pub(crate) fn generated(ui: &mut Ui, report: &Report) -> Result<(), Failure> {
    ui.answer(report, || {
        let mut table = Table::new([Column::text("Table"), Column::number("Rows"), Column::number("Size")]);
        for row in &report.tables {
            table.row([
                row.table.to_string().as_str().into(),
                Cell::count(row.rows),
                Cell::bytes(size(row.total_bytes)),
            ]);
        }
        Page::new().table(table).line(format!("The database has {}.", bytes(size(report.database_bytes))))
    })
}

fn size(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

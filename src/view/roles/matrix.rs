//! The grid of roles and places, in letters.

use unisys_db::roles::Class;
use unisys_db::roles::matrix::{Matrix, MatrixCell};

use crate::failure::Failure;
use crate::ui::{Column, Page, Table, Ui};

const LEGEND: [&str; 5] = [
    "database: c connect, T temporary tables, C create schemas",
    "schema: U usage, C create; then X execute functions; s: with sequences",
    "tables: r select, a insert, w update, d delete, D truncate, x references,",
    "t trigger, m maintain",
    "(…): not with all of them, or only with some columns",
];

pub(crate) fn show(ui: &mut Ui, matrix: &Matrix) -> Result<(), Failure> {
    ui.answer(matrix, || Page::new().table(table(matrix)).line("").lines(LEGEND.map(str::to_owned)))
}

fn table(matrix: &Matrix) -> Table {
    let mut table = Table::new(
        std::iter::once(Column::whole("Role")).chain(matrix.places.iter().cloned().map(Column::text)),
    );
    for row in &matrix.roles {
        let cells = row.cells.iter().map(letters);
        table.row_of(std::iter::once(row.role.clone()).chain(cells).map(Into::into).collect());
    }
    table
}

/// `U r(aw) X`: class by class; in parentheses what does not hold for all.
fn letters(cell: &MatrixCell) -> String {
    let group = |class: Class| {
        let held = || cell.held.iter().filter(move |held| held.class == class);
        let word = |everywhere: bool| -> String {
            held()
                .filter(|held| held.is_everywhere() == everywhere)
                .map(|held| held.privilege.letter())
                .collect()
        };
        let (all, some) = (word(true), word(false));
        let word = if some.is_empty() { all } else { format!("{all}({some})") };
        if class == Class::Sequence && !word.is_empty() { format!("s:{word}") } else { word }
    };
    let groups = [Class::Database, Class::Schema, Class::Table, Class::Sequence, Class::Routine].map(group);
    let words: Vec<String> = groups.into_iter().filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "–".into() } else { words.join(" ") }
}

//! The grid of roles and places, in letters: for a terminal, for Markdown, for a browser.

use askama::Template;
use unisys_db::roles::Class;
use unisys_db::roles::matrix::{Held, Matrix, MatrixCell};

use crate::cli::VERSION;
use crate::failure::Failure;
use crate::ui::{Column, Page, Table, Ui};

/// What stands where nothing is allowed.
const NOTHING: &str = "–";

const LEGEND: [&str; 5] = [
    "database: c connect, T temporary tables, C create schemas",
    "schema: U usage, C create; X execute functions; s: with sequences",
    "tables: r select, a insert, w update, d delete, D truncate, x references, t trigger, m maintain",
    "(…): not with all of them, or only with some columns",
    "+: more after SET ROLE to another role",
];

/// The page the template fills.
#[derive(Template)]
#[template(path = "matrix.html")]
struct Html {
    title: String,
    made_by: &'static str,
    legend: [&'static str; 5],
    grid: Grid,
}

/// Heads, and rows of the same length.
struct Grid {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

pub(crate) fn show(ui: &mut Ui, matrix: &Matrix) -> Result<(), Failure> {
    ui.answer(matrix, || {
        let grid = Grid::of(matrix);
        let heads = grid.heads.into_iter().enumerate();
        let column = |(place, head)| if place == 0 { Column::whole(head) } else { Column::text(head) };
        let mut table = Table::new(heads.map(column));
        for row in grid.rows {
            table.row_of(row.into_iter().map(Into::into).collect());
        }
        Page::new().table(table).line("").lines(LEGEND.map(str::to_owned))
    })
}

/// Returns the grid as a table of Markdown, the legend below.
pub(crate) fn markdown(matrix: &Matrix) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let grid = Grid::of(matrix);
    let rule = line(&vec!["---".to_owned(); grid.heads.len()]);
    let rows: String = grid.rows.iter().map(|row| line(row)).collect();
    format!("{}{rule}{rows}\n{}\n", line(&grid.heads), LEGEND.join("  \n"))
}

/// Returns the grid as a page for a browser.
///
/// # Errors
/// It cannot be written; not for any grid.
pub(crate) fn html(matrix: &Matrix) -> Result<String, Failure> {
    let title = match &matrix.schema {
        Some(schema) => format!("Who can do what in schema {schema} of {}", matrix.database),
        None => format!("Who can do what in {}", matrix.database),
    };
    let page = Html { title, made_by: VERSION, legend: LEGEND, grid: Grid::of(matrix) };
    Ok(page.render()? + "\n")
}

impl Grid {
    /// Schemas stand beside each other; of tables there are too many, and there the roles do, without those that may nothing.
    fn of(matrix: &Matrix) -> Self {
        let letters: Vec<Vec<String>> =
            matrix.roles.iter().map(|row| row.cells.iter().map(letters).collect()).collect();
        let names = matrix.roles.iter().map(|row| row.role.clone());
        if matrix.schema.is_none() {
            let heads = std::iter::once("role".to_owned()).chain(matrix.places.iter().cloned()).collect();
            let row = |(name, cells): (String, Vec<String>)| std::iter::once(name).chain(cells).collect();
            return Self { heads, rows: names.zip(letters).map(row).collect() };
        }
        let seen: Vec<(String, Vec<String>)> =
            names.zip(letters).filter(|(_, cells)| cells.iter().any(|cell| cell != NOTHING)).collect();
        let heads =
            std::iter::once("table".to_owned()).chain(seen.iter().map(|(name, _)| name.clone())).collect();
        let row = |(place, name): (usize, &String)| {
            std::iter::once(name.clone()).chain(seen.iter().map(|(_, cells)| cells[place].clone())).collect()
        };
        Self { heads, rows: matrix.places.iter().enumerate().map(row).collect() }
    }
}

/// `U r(aw) X +`: class by class.
fn letters(cell: &MatrixCell) -> String {
    let group = |class: Class| {
        let held = || cell.held.iter().filter(move |held| held.class == class);
        let word = |all: bool| -> String {
            let these = held().filter(|held| held.is_somewhere() && held.is_everywhere() == all);
            these.map(|held| held.privilege.letter()).collect()
        };
        let (all, some) = (word(true), word(false));
        let word = if some.is_empty() { all } else { format!("{all}({some})") };
        if class == Class::Sequence && !word.is_empty() { format!("s:{word}") } else { word }
    };
    let groups = [Class::Database, Class::Schema, Class::Table, Class::Sequence, Class::Routine].map(group);
    let mut words: Vec<String> = groups.into_iter().filter(|word| !word.is_empty()).collect();
    let more = |held: &Held| held.by_set_role > 0;
    if cell.held.iter().any(more) {
        words.push("+".into());
    }
    if words.is_empty() { NOTHING.into() } else { words.join(" ") }
}

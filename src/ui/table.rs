//! A page of lines and tables: for people as columns, for spreadsheets as CSV.

use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, presets};

use super::human;

/// The width where there is no terminal to ask.
const WIDTH: u16 = 80;

/// What a report looks like to a person.
#[derive(Default)]
pub(crate) struct Page {
    blocks: Vec<Block>,
}

enum Block {
    Line(String),
    Table(Table),
}

impl Page {
    /// Returns an empty page.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Returns the page with one more line.
    pub(crate) fn line(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Line(text.into()));
        self
    }

    /// Returns the page with some more lines.
    pub(crate) fn lines(self, texts: impl IntoIterator<Item = String>) -> Self {
        texts.into_iter().fold(self, Self::line)
    }

    /// Returns the page with one more table.
    pub(crate) fn table(mut self, table: Table) -> Self {
        self.blocks.push(Block::Table(table));
        self
    }

    /// Returns the page with another one below it.
    pub(crate) fn append(mut self, other: Self) -> Self {
        self.blocks.extend(other.blocks);
        self
    }

    /// Returns the page for reading: at the terminal's width, or at 80 columns.
    pub(crate) fn to_text(&self, terminal: bool) -> String {
        let blocks = self.blocks.iter().map(|block| match block {
            Block::Line(text) => format!("{}\n", printable(text)),
            Block::Table(table) => table.to_text(terminal),
        });
        blocks.collect()
    }

    /// Returns the page's tables as CSV with a header each, an empty line between them; its lines where it has no table.
    pub(crate) fn to_csv(&self) -> String {
        let tables: Vec<String> = self.blocks.iter().filter_map(Block::table).map(Table::to_csv).collect();
        if !tables.is_empty() {
            return tables.join("\n");
        }
        self.blocks.iter().filter_map(Block::line).map(|line| record([line])).collect()
    }
}

impl Block {
    fn line(&self) -> Option<&str> {
        if let Self::Line(text) = self { Some(text) } else { None }
    }

    fn table(&self) -> Option<&Table> {
        if let Self::Table(table) = self { Some(table) } else { None }
    }
}

/// How a column stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Whole,
    Number,
    Hidden,
}

/// The head of one column.
pub(crate) struct Column {
    name: &'static str,
    kind: Kind,
}

impl Column {
    /// Returns a column of texts that may be broken over lines.
    pub(crate) fn text(name: &'static str) -> Self {
        Self { name, kind: Kind::Text }
    }

    /// Returns a column of texts that are copied from the screen, and so never broken.
    pub(crate) fn whole(name: &'static str) -> Self {
        Self { name, kind: Kind::Whole }
    }

    /// Returns a column for programs alone: CSV has it, a table does not.
    pub(crate) fn hidden(name: &'static str) -> Self {
        Self { name, kind: Kind::Hidden }
    }

    /// Returns a column of numbers: to the right, never broken.
    pub(crate) fn number(name: &'static str) -> Self {
        Self { name, kind: Kind::Number }
    }
}

/// One value in two forms: for people and for programs.
pub(crate) struct Cell {
    shown: String,
    raw: String,
}

impl Cell {
    /// Returns a value that people read in a shorter form than programs.
    pub(crate) fn short(shown: &str, raw: impl Into<String>) -> Self {
        Self { shown: printable(shown), raw: raw.into() }
    }

    /// Returns a size in bytes.
    pub(crate) fn bytes(count: u64) -> Self {
        Self { shown: human::bytes(count), raw: count.to_string() }
    }

    /// Returns a number of things.
    pub(crate) fn count(number: u64) -> Self {
        Self { shown: human::count(number), raw: number.to_string() }
    }

    /// Returns a moment in UTC, which people read to the minute.
    pub(crate) fn time(moment: DateTime<Utc>) -> Self {
        Self {
            shown: moment.format("%Y-%m-%d %H:%M").to_string(),
            raw: moment.to_rfc3339_opts(SecondsFormat::Secs, true),
        }
    }

    /// Returns a length of time by its largest unit; seconds for programs.
    pub(crate) fn about(time: std::time::Duration) -> Self {
        Self { shown: human::about(time), ..Self::duration(time) }
    }

    /// Returns a length of time; seconds for programs.
    pub(crate) fn duration(time: std::time::Duration) -> Self {
        Self { shown: human::duration(time), raw: format!("{:.3}", time.as_secs_f64()) }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        let raw = text.into();
        Self { shown: printable(&raw), raw }
    }
}

/// Rows under heads.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Returns a table without rows.
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row: one cell for each column.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push(cells.into());
    }

    /// Adds rows whose number of cells only the caller knows: as many as there are columns.
    pub(crate) fn rows(&mut self, rows: impl IntoIterator<Item = Vec<Cell>>) {
        self.rows.extend(rows.into_iter().inspect(|row| debug_assert_eq!(row.len(), self.columns.len())));
    }

    fn to_text(&self, terminal: bool) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        if !terminal {
            table.force_no_tty().set_width(WIDTH);
        }
        let seen = |column: &&Column| column.kind != Kind::Hidden;
        table.set_header(self.columns.iter().filter(seen).map(|column| column.name));
        for row in &self.rows {
            let cells = self.columns.iter().zip(row).filter(|(column, _)| seen(column));
            table.add_row(cells.map(|(_, cell)| cell.shown.as_str()));
        }
        for (column, shown) in self.columns.iter().filter(seen).zip(table.column_iter_mut()) {
            shown.set_padding((0, 2));
            if column.kind != Kind::Text {
                shown.set_constraint(ColumnConstraint::ContentWidth);
            }
            if column.kind == Kind::Number {
                shown.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.trim_fmt().lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    fn to_csv(&self) -> String {
        let head = record(self.columns.iter().map(|column| column.name));
        let rows = self.rows.iter().map(|row| record(row.iter().map(|cell| cell.raw.as_str())));
        std::iter::once(head).chain(rows).collect()
    }
}

/// Returns one line of CSV (RFC 4180, but ended by a line feed alone).
fn record<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = |field: &str| match field.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    };
    let fields: Vec<String> = fields.into_iter().map(quoted).collect();
    format!("{}\n", fields.join(","))
}

/// Returns the text with its control characters spelled out: a hostile name cannot draw on the terminal.
pub(crate) fn printable(text: &str) -> String {
    let spelled = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(spelled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        let mut table = Table::new([
            Column::whole("Table"),
            Column::number("Rows"),
            Column::hidden("Bytes"),
            Column::text("Why"),
        ]);
        table.row([
            "public.students".into(),
            Cell::count(20_000),
            Cell::bytes(1_000),
            "because, as \"they\" say, ".repeat(3).into(),
        ]);
        table.row(["a\u{1b}[2Jb".into(), Cell::count(7), Cell::bytes(0), "".into()]);
        Page::new().line("Two tables.").table(table)
    }

    #[test]
    fn a_page_is_eighty_columns_wide_without_a_terminal() {
        insta::assert_snapshot!(page().to_text(false), @r#"
        Two tables.
        Table              Rows  Why
        public.students  20,000  because, as "they" say, because, as "they" say,
                                 because, as "they" say,
        a\u{1b}[2Jb           7
        "#);
    }

    #[test]
    fn csv_has_plain_numbers_and_quotes_what_needs_it() {
        let quoted = r#""because, as ""they"" say, because, as ""they"" say, because, as ""they"" say, ""#;
        let expected =
            format!("Table,Rows,Bytes,Why\npublic.students,20000,1000,{quoted}\na\u{1b}[2Jb,7,0,\n");
        assert_eq!(page().to_csv(), expected);
    }
}

//! Which rows go where: a pure decision over sizes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use unisys_db::catalog::Table;

/// How the rows are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Bulk tables as files of their own, in parallel.
    Parallel,
    /// All of them in `database.dump`, one standard archive.
    Single,
}

/// Whether a table may be cut into ranges of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ranges {
    /// A table that alone would keep the other workers waiting.
    Auto,
    /// None: plain COPY passes through a ring buffer and leaves the server's cache alone, ranges do not.
    Off,
}

/// A table of at least this many bytes gets files of its own.
const BULK: u64 = 1 << 20;

/// No piece is smaller than this many bytes: each costs a file and a statement.
const SMALLEST_PIECE: u64 = 16 << 20;

/// How many tables may have files of their own. Each is named in pg_dump's arguments, and an argument list has an end
/// (32,767 characters on Windows, two megabytes elsewhere).
const MOST_BULK_TABLES: usize = if cfg!(windows) { 150 } else { 5000 };

/// PostgreSQL's page, in bytes; a table's size tells how many pages it has.
const PAGE: u64 = 8192;

/// A piece of a table's rows: all of them, or those on some pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which table: an index into the list the plan was made from.
    pub table: usize,
    /// The first page and the one after the last; no end means to the table's end. `None` takes the whole table.
    pub pages: Option<(u64, Option<u64>)>,
    /// About how many bytes it is.
    pub bytes: u64,
}

impl Piece {
    /// Returns the COPY statement that reads it.
    pub fn copy_out(&self, table: &Table) -> String {
        match self.pages {
            None => table.copy_out(),
            Some((from, to)) => table.copy_out_pages(from, to),
        }
    }
}

/// Which tables get files of their own, in which pieces, and which stay in the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The pieces, the largest first.
    pub pieces: Vec<Piece>,
    /// The tables whose rows stay in `database.dump`: indices into the list.
    pub small: Vec<usize>,
}

impl Plan {
    /// Returns the plan for `jobs` workers. Extensions' configuration stays in the archive, because pg_dump alone knows
    /// which of its rows to take; partitioned parents have no rows.
    pub fn new(tables: &[Table], layout: Layout, ranges: Ranges, jobs: usize) -> Self {
        Self::of_rows(tables, |_| true, layout, ranges, jobs)
    }

    /// As [`Plan::new`], where only some of the tables, by their object ids, give their rows.
    pub fn of_rows(
        tables: &[Table],
        has_rows: impl Fn(u32) -> bool,
        layout: Layout,
        ranges: Ranges,
        jobs: usize,
    ) -> Self {
        let is_bulk = |i: &usize| is_bulk(&tables[*i]) && has_rows(tables[*i].oid);
        let mut bulk: Vec<usize> =
            (0..tables.len()).filter(|i| layout == Layout::Parallel && is_bulk(i)).collect();
        bulk.sort_by_key(|i| std::cmp::Reverse(tables[*i].table_bytes));
        bulk.truncate(MOST_BULK_TABLES);
        let total: u64 = bulk.iter().map(|i| tables[*i].table_bytes).sum();
        let mut pieces: Vec<Piece> = bulk
            .iter()
            .flat_map(|i| match ranges {
                Ranges::Auto => cut(*i, &tables[*i], total, jobs as u64),
                Ranges::Off => vec![whole(*i, &tables[*i])],
            })
            .collect();
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.bytes));
        let bulk: BTreeSet<usize> = bulk.into_iter().collect();
        let is_small = |i: &usize| !tables[*i].parent && !bulk.contains(i) && has_rows(tables[*i].oid);
        let small = (0..tables.len()).filter(is_small).collect();
        Self { pieces, small }
    }

    /// Returns the tables that have files of their own, in order.
    pub fn bulk(&self) -> BTreeSet<usize> {
        self.pieces.iter().map(|piece| piece.table).collect()
    }

    /// Returns the tables that are cut into several pieces, in order.
    pub fn cut(&self) -> BTreeSet<usize> {
        self.pieces.iter().filter(|piece| piece.pages.is_some()).map(|piece| piece.table).collect()
    }
}

fn is_bulk(table: &Table) -> bool {
    !table.parent && table.extension.is_none() && !table.columns.is_empty() && table.table_bytes >= BULK
}

fn whole(index: usize, table: &Table) -> Piece {
    Piece { table: index, pages: None, bytes: table.table_bytes }
}

/// Cuts a table that is larger than one worker's fair share into pieces of a quarter of that share, so that the workers end
/// together; others stay whole.
fn cut(index: usize, table: &Table, total: u64, jobs: u64) -> Vec<Piece> {
    let share = total / jobs.max(1);
    let pages = table.heap_bytes / PAGE;
    if jobs < 2 || !table.heap || table.table_bytes <= share.max(2 * SMALLEST_PIECE) || pages < 2 {
        return vec![whole(index, table)];
    }
    let count = table.table_bytes.div_ceil((share / 4).max(SMALLEST_PIECE)).clamp(2, pages);
    let step = pages.div_ceil(count);
    let count = pages.div_ceil(step);
    (0..count)
        .map(|i| {
            // the last one has no end: rows written since the sizes were read lie behind it
            let to = (i + 1 < count).then_some((i + 1) * step);
            Piece { table: index, pages: Some((i * step, to)), bytes: table.table_bytes / count }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use unisys_db::TableName;

    fn table(name: &str, bytes: u64) -> Table {
        let columns = vec!["a".into()];
        Table { heap_bytes: bytes, table_bytes: bytes, columns, ..Table::named(TableName::new("s", name)) }
    }

    fn pages(plan: &Plan, index: usize) -> Vec<(u64, Option<u64>)> {
        let mut pages: Vec<_> =
            plan.pieces.iter().filter(|p| p.table == index).filter_map(|p| p.pages).collect();
        pages.sort();
        pages
    }

    #[test]
    fn small_tables_stay_in_the_archive() {
        let plan = Plan::new(&[table("a", 100), table("b", 5 << 20)], Layout::Parallel, Ranges::Auto, 2);
        assert_eq!(plan.small, [0]);
        assert_eq!(plan.pieces, [Piece { table: 1, pages: None, bytes: 5 << 20 }]);
    }

    #[test]
    fn a_table_that_keeps_others_waiting_is_cut_without_a_gap() {
        let plan =
            Plan::new(&[table("huge", 1 << 30), table("b", 100 << 20)], Layout::Parallel, Ranges::Auto, 2);
        let pages = pages(&plan, 0);
        assert!(pages.len() >= 4, "{pages:?}");
        assert_eq!(pages[0].0, 0);
        assert!(pages.windows(2).all(|pair| pair[0].1 == Some(pair[1].0)), "{pages:?}");
        assert_eq!(pages.last().unwrap().1, None);
        assert_eq!(plan.cut().into_iter().collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn tables_of_one_size_are_not_cut() {
        let tables: Vec<Table> = (0..4).map(|i| table(&i.to_string(), 200 << 20)).collect();
        assert!(Plan::new(&tables, Layout::Parallel, Ranges::Auto, 2).cut().is_empty());
    }

    #[rstest::rstest]
    #[case(Layout::Single, Ranges::Auto, 2, 0)]
    #[case(Layout::Parallel, Ranges::Off, 2, 1)]
    #[case(Layout::Parallel, Ranges::Auto, 1, 1)]
    fn nothing_is_cut_when_told_not_to(
        #[case] layout: Layout,
        #[case] ranges: Ranges,
        #[case] jobs: usize,
        #[case] count: usize,
    ) {
        assert_eq!(Plan::new(&[table("huge", 1 << 30)], layout, ranges, jobs).pieces.len(), count);
    }

    #[test]
    fn a_table_whose_rows_are_left_out_is_nowhere() {
        let mut tables = vec![table("a", 3 << 30), table("b", 9), table("c", 9)];
        (tables[0].oid, tables[1].oid, tables[2].oid) = (10, 11, 12);
        let plan = Plan::of_rows(&tables, |oid| oid == 12, Layout::Parallel, Ranges::Auto, 2);
        assert_eq!((plan.small, plan.pieces), (vec![2], vec![]));
    }

    #[test]
    fn every_table_with_rows_is_somewhere_once() {
        let mut tables =
            vec![table("a", 0), table("b", 1 << 20), table("c", 3 << 30), table("d", 9), table("e", 2 << 20)];
        tables[3].parent = true;
        tables[4].extension = Some("x".into());
        let plan = Plan::new(&tables, Layout::Parallel, Ranges::Auto, 3);
        assert_eq!(plan.small, [0, 4]);
        assert_eq!(plan.bulk().into_iter().collect::<Vec<_>>(), [1, 2]);
    }
}

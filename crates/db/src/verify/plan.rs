//! Which table is compared with which, by which columns. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::TableName;
use crate::catalog::Table;
use crate::pattern::TablePattern;

/// How a table is on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing differs that was asked for.
    Equal,
    /// The numbers of rows differ.
    Rows,
    /// As many rows, but others.
    Content,
    /// A column is on one side only.
    Columns,
    /// The table is on side A only.
    OnlyInA,
    /// The table is on side B only.
    OnlyInB,
}

/// Columns that are on one side only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Columns {
    /// On side A.
    pub only_in_a: Vec<String>,
    /// On side B.
    pub only_in_b: Vec<String>,
}

impl Columns {
    /// Whether both sides have the same.
    pub fn agree(&self) -> bool {
        self.only_in_a.is_empty() && self.only_in_b.is_empty()
    }
}

/// A table on one side or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its name.
    pub name: TableName,
    /// It on side A.
    pub a: Option<Table>,
    /// It on side B.
    pub b: Option<Table>,
}

impl Pair {
    /// Returns the columns that are on one side only; generated ones count on neither, since rows are stored without them.
    pub fn columns(&self) -> Columns {
        let (Some(a), Some(b)) = (&self.a, &self.b) else { return Columns::default() };
        let missing = |from: &Table, other: &Table| {
            from.columns.iter().filter(|column| !other.columns.contains(column)).cloned().collect()
        };
        Columns { only_in_a: missing(a, b), only_in_b: missing(b, a) }
    }

    /// Returns both tables with the columns they share, in A's order, so that their rows read the same.
    pub fn aligned(&self) -> Option<(Table, Table)> {
        let (a, b) = (self.a.as_ref()?, self.b.as_ref()?);
        let shared: Vec<String> =
            a.columns.iter().filter(|column| b.columns.contains(column)).cloned().collect();
        Some((Table { columns: shared.clone(), ..a.clone() }, Table { columns: shared, ..b.clone() }))
    }

    fn bytes(&self) -> u64 {
        let bytes = |table: &Option<Table>| table.as_ref().map_or(0, |table| table.table_bytes);
        bytes(&self.a).max(bytes(&self.b))
    }
}

/// Whether a table has rows of its own and is taken by a pattern; by all, where there is none.
pub(super) fn wanted(table: &Table, patterns: &[TablePattern]) -> bool {
    !table.parent && (patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(&table.name)))
}

/// Returns the tables of both sides that a pattern takes (all, without one), the largest first.
pub fn pair(a: Vec<Table>, b: Vec<Table>, patterns: &[TablePattern]) -> Vec<Pair> {
    let mut pairs: BTreeMap<TableName, Pair> = BTreeMap::new();
    for table in a.into_iter().filter(|table| wanted(table, patterns)) {
        pairs.insert(table.name.clone(), Pair { name: table.name.clone(), a: Some(table), b: None });
    }
    for table in b.into_iter().filter(|table| wanted(table, patterns)) {
        let name = table.name.clone();
        pairs.entry(name.clone()).or_insert_with(|| Pair { name, a: None, b: None }).b = Some(table);
    }
    let mut pairs: Vec<Pair> = pairs.into_values().collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.bytes()));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, bytes: u64, columns: &[&str]) -> Table {
        Table {
            parent: name == "parent",
            table_bytes: bytes,
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            ..Table::named(TableName::new("s", name))
        }
    }

    #[test]
    fn the_largest_is_first_and_parents_are_left_out() {
        let a = vec![table("small", 1, &[]), table("parent", 99, &[]), table("left", 5, &[])];
        let b = vec![table("small", 7, &[]), table("right", 6, &[])];
        let names: Vec<String> = pair(a, b, &[]).into_iter().map(|pair| pair.name.name).collect();
        assert_eq!(names, ["small", "right", "left"]);
    }

    #[test]
    fn columns_are_matched_by_name() {
        let pairs = pair(vec![table("t", 1, &["a", "b", "c"])], vec![table("t", 1, &["d", "c", "a"])], &[]);
        let columns = pairs[0].columns();
        assert_eq!((columns.only_in_a, columns.only_in_b), (vec!["b".to_owned()], vec!["d".to_owned()]));
        let (a, b) = pairs[0].aligned().unwrap();
        assert_eq!(
            (a.columns, b.columns),
            (vec!["a".to_owned(), "c".into()], vec!["a".to_owned(), "c".into()])
        );
    }

    #[test]
    fn patterns_choose() {
        let patterns = [TablePattern::parse("s.b*").unwrap()];
        let pairs = pair(vec![table("a", 1, &[]), table("b1", 1, &[])], vec![], &patterns);
        assert_eq!(pairs.len(), 1);
        assert_eq!(pairs[0].name.name, "b1");
    }
}

//! Partitioned tables of a backup. They have no rows of their own, so among the tables with rows their partitions stand alone;
//! what hangs together is in the inventory. Pure.

use std::collections::{BTreeMap, BTreeSet};

use unisys_db::TableName;
use unisys_db::inventory::{Inventory, Kind};
use unisys_db::pattern::TablePattern;

/// Which tables of a backup are partitions, and of what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Partitions {
    /// The partitioned tables, with their owners.
    parents: BTreeMap<TableName, String>,
    /// The partitions, which may be partitioned themselves.
    partitions: BTreeMap<TableName, Partition>,
}

#[derive(Clone, Debug)]
struct Partition {
    parent: TableName,
    /// `FOR VALUES …`
    bound: String,
}

impl Partitions {
    /// Returns those of an inventory.
    pub(crate) fn of(inventory: &Inventory) -> Self {
        let mut found = Self::default();
        for item in
            inventory.items.iter().filter(|item| matches!(item.kind, Kind::Table | Kind::ForeignTable))
        {
            let Some(name) = parse(&item.name) else { continue };
            if item.detail.get("partition key").is_some() {
                found.parents.insert(name.clone(), item.detail.get("owner").unwrap_or_default().to_owned());
            }
            let bound = item.detail.get("partition bound");
            if let (Some(bound), Some(parent)) = (bound, item.detail.get("inherits").and_then(parse)) {
                found.partitions.insert(name, Partition { parent, bound: bound.to_owned() });
            }
        }
        found
    }

    /// Whether one of the patterns takes a table or one that it is a partition of.
    pub(crate) fn taken(&self, patterns: &[TablePattern], table: &TableName) -> bool {
        let named = |name: &TableName| patterns.iter().any(|pattern| pattern.matches(name));
        named(table) || self.ancestors(table).any(named)
    }

    /// Returns the partitioned tables, each with its owner, in order.
    pub(crate) fn parents(&self) -> impl Iterator<Item = (&TableName, &str)> {
        self.parents.iter().map(|(name, owner)| (name, owner.as_str()))
    }

    /// Returns what a table is a partition of.
    pub(crate) fn parent(&self, table: &TableName) -> Option<&TableName> {
        self.partitions.get(table).map(|partition| &partition.parent)
    }

    /// Returns what a table is a partition of, what that is a partition of, and so on.
    pub(crate) fn ancestors<'p>(&'p self, table: &TableName) -> impl Iterator<Item = &'p TableName> {
        std::iter::successors(self.parent(table), |parent| self.parent(parent))
    }

    /// Returns the partitioned tables of which every partition is among `tables`, with their owners.
    pub(crate) fn whole(&self, tables: &BTreeSet<&TableName>) -> Vec<(&TableName, &str)> {
        let leaves = || self.partitions.keys().filter(|name| !self.parents.contains_key(*name));
        let torn: BTreeSet<&TableName> =
            leaves().filter(|leaf| !tables.contains(leaf)).flat_map(|leaf| self.ancestors(leaf)).collect();
        let whole: BTreeSet<&TableName> =
            leaves().filter(|leaf| tables.contains(leaf)).flat_map(|leaf| self.ancestors(leaf)).collect();
        self.parents().filter(|(name, _)| whole.contains(name) && !torn.contains(name)).collect()
    }

    /// Returns the statement that makes a table a partition again, in the schema `into` or in those of the source.
    pub(crate) fn attaching(&self, table: &TableName, into: Option<&str>) -> Option<String> {
        let Partition { parent, bound } = self.partitions.get(table)?;
        let schema = into.unwrap_or(&table.schema);
        Some(format!(
            "alter table {} attach partition {} {bound};",
            parent.quoted(),
            TableName::new(schema, &table.name).quoted()
        ))
    }
}

/// Parses `schema.name` as the server quotes it: where it must.
fn parse(text: &str) -> Option<TableName> {
    let (schema, rest) = part(text)?;
    let (name, rest) = part(rest.strip_prefix('.')?)?;
    rest.is_empty().then(|| TableName::new(schema, name))
}

/// Parses one name and returns what follows it.
fn part(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut from = 0;
    loop {
        let end = from + quoted[from..].find('"')?;
        if !quoted[end + 1..].starts_with('"') {
            return Some((quoted[..end].replace("\"\"", "\""), &quoted[end + 1..]));
        }
        from = end + 2;
    }
}

#[cfg(test)]
mod tests {
    use unisys_db::inventory::Item;

    use super::*;

    fn partitions() -> Partitions {
        let item = |name: &str, attributes: &[(&str, &str)]| Item {
            kind: Kind::Table,
            name: name.into(),
            detail: attributes.iter().copied().collect(),
        };
        let bound = ("partition bound", "FOR VALUES IN (1)");
        Partitions::of(&Inventory::from_items(vec![
            item("app.plain", &[("owner", "o")]),
            item("app.child", &[("inherits", "app.plain")]),
            item("app.\"Ev.\"\"ents\"", &[("owner", "o"), ("partition key", "RANGE (at)")]),
            item("app.a", &[("inherits", "app.\"Ev.\"\"ents\""), bound]),
            item("app.b", &[("inherits", "app.\"Ev.\"\"ents\""), bound, ("partition key", "LIST (x)")]),
            item("other.c", &[("inherits", "app.b"), bound]),
        ]))
    }

    fn table(text: &str) -> TableName {
        parse(text).unwrap()
    }

    #[rstest::rstest]
    #[case("app.Ev*", "app.a other.c app.b")]
    #[case("app.b", "other.c app.b")]
    #[case("app.a", "app.a")]
    #[case("app.plain", "")]
    fn a_partitioned_table_has_its_partitions(#[case] pattern: &str, #[case] expected: &str) {
        let patterns = [TablePattern::parse(pattern).unwrap()];
        let taken = ["app.a", "other.c", "app.b", "app.child"]
            .into_iter()
            .filter(|name| partitions().taken(&patterns, &table(name)));
        assert_eq!(taken.collect::<Vec<_>>().join(" "), expected);
    }

    #[rstest::rstest]
    #[case(&["app.a", "other.c"], &["app.Ev.\"ents", "app.b"])]
    #[case(&["other.c", "app.plain"], &["app.b"])]
    #[case(&["app.a"], &[])]
    fn a_partitioned_table_is_whole_with_all_its_rows(#[case] tables: &[&str], #[case] expected: &[&str]) {
        let tables: Vec<TableName> = tables.iter().map(|name| table(name)).collect();
        let partitions = partitions();
        let whole = partitions.whole(&tables.iter().collect());
        let whole: Vec<String> = whole.into_iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(whole, expected);
    }

    #[test]
    fn a_partition_can_be_attached_again() {
        assert_eq!(
            partitions().attaching(&table("other.c"), Some("Res cue")).unwrap(),
            "alter table \"app\".\"b\" attach partition \"Res cue\".\"c\" FOR VALUES IN (1);"
        );
        assert_eq!(partitions().attaching(&table("app.child"), None), None);
    }
}

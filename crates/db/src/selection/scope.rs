//! What is left out, by object: what every part of a backup asks.

use std::collections::{BTreeMap, BTreeSet};

use super::Content;
use crate::TableName;
use crate::catalog::Table;
use crate::inventory::{Inventory, Item, Kind};

/// What a selection leaves out of one database at one moment. The default leaves nothing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub(super) content: Content,
    pub(super) schemas: BTreeSet<String>,
    pub(super) relations: BTreeMap<u32, (TableName, char)>,
    pub(super) items: BTreeSet<(Kind, String)>,
    pub(super) without_rows: BTreeMap<u32, TableName>,
    pub(super) transient: BTreeSet<u32>,
    pub(super) rebuilt: Vec<TableName>,
    pub(super) cuts_publications: bool,
}

impl Scope {
    /// Returns whether definitions, rows or both are meant.
    pub fn content(&self) -> Content {
        self.content
    }

    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        self == &Self::default()
    }

    /// Whether the table with this object id is part of it, with or without its rows.
    pub fn takes(&self, oid: u32) -> bool {
        !self.relations.contains_key(&oid)
    }

    /// Returns what says whether the table, view, sequence or function of a name is part of it.
    pub fn by_name(&self) -> impl Fn(&TableName) -> bool {
        let gone: BTreeSet<&TableName> = self.relations().collect();
        move |name| !self.schemas.contains(&name.schema) && !gone.contains(name)
    }

    /// Returns how many tables are left out, partitioned parents among them.
    pub fn count_tables(&self) -> u64 {
        self.relations.values().filter(|(_, kind)| matches!(kind, 'r' | 'p')).count() as u64
    }

    /// Whether the rows of this table are part of it.
    pub fn takes_rows(&self, oid: u32) -> bool {
        self.content != Content::Schema && !self.without_rows.contains_key(&oid)
    }

    /// Leaves out the rows of unlogged tables too: a standby has none.
    pub fn leave_out_unlogged<'t>(&mut self, tables: impl Iterator<Item = &'t Table>) {
        let unlogged = tables.filter(|table| table.unlogged && !table.parent);
        self.without_rows.extend(unlogged.map(|table| (table.oid, table.name.clone())));
    }

    /// Returns the schemas that are left out.
    pub fn schemas(&self) -> impl Iterator<Item = &str> {
        self.schemas.iter().map(String::as_str)
    }

    /// Returns the tables, views and sequences that are left out, by name; those of schemas that are left out too.
    pub fn relations(&self) -> impl Iterator<Item = &TableName> {
        self.relations.values().map(|(name, _)| name)
    }

    /// Returns the tables and views that are left out of schemas that are not.
    pub fn tables(&self) -> Vec<TableName> {
        let mut names: Vec<TableName> = self
            .relations
            .values()
            .filter(|(name, kind)| *kind != 'S' && !self.schemas.contains(&name.schema))
            .map(|(name, _)| name.clone())
            .collect();
        names.sort();
        names
    }

    /// Returns the tables whose rows are left out, partitioned parents among them.
    pub fn without_rows(&self) -> Vec<TableName> {
        let mut names: Vec<TableName> = self.without_rows.values().cloned().collect();
        names.sort();
        names
    }

    /// Returns those of them whose rows nobody asked to leave out: our own sessions and staging tables.
    pub fn transient(&self) -> Vec<TableName> {
        let mut names: Vec<TableName> =
            self.transient.iter().filter_map(|oid| self.without_rows.get(oid).cloned()).collect();
        names.sort();
        names
    }

    /// Returns the materialised views that will hold other rows than the source's, because they read tables whose rows are
    /// left out.
    pub fn rebuilt(&self) -> &[TableName] {
        &self.rebuilt
    }

    /// Whether a publication names tables or schemas that are left out.
    pub fn cuts_publications(&self) -> bool {
        self.cuts_publications
    }

    /// Returns what of an inventory a restored copy must show.
    pub fn expected(&self, inventory: Inventory) -> Inventory {
        if self.is_everything() {
            return inventory;
        }
        let stays = |item: &Item| !self.items.contains(&(item.kind, item.name.clone()));
        let mut items: Vec<Item> = inventory.items.into_iter().filter(stays).collect();
        for item in &mut items {
            match item.kind {
                // a publication tells of its tables and schemas
                Kind::Publication => item.detail.retain(|attribute| !self.is_part_of_publication(attribute)),
                // pg_dump fills them only where it dumps definitions and rows together
                Kind::MaterializedView if self.content != Content::All => {
                    item.detail.merge([("populated", "false")].into_iter().collect());
                }
                _ => {}
            }
        }
        Inventory { items }
    }

    fn is_part_of_publication(&self, attribute: &str) -> bool {
        let table = attribute.strip_prefix("table ").map(|name| (Kind::Table, name.to_owned()));
        let schema = attribute.strip_prefix("schema ").map(|name| (Kind::Schema, name.to_owned()));
        table.or(schema).is_some_and(|item| self.items.contains(&item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Detail;

    fn item(kind: Kind, name: &str, attributes: &[(&str, &str)]) -> Item {
        Item { kind, name: name.into(), detail: attributes.iter().copied().collect::<Detail>() }
    }

    #[test]
    fn an_inventory_loses_what_is_left_out_and_no_more() {
        let inventory = Inventory::from_items(vec![
            item(Kind::Table, "s.t", &[]),
            item(Kind::Table, "s.u", &[]),
            item(Kind::Column, "s.t.a", &[]),
            item(Kind::Publication, "p", &[("table s.t", "all columns"), ("table s.u", "all columns")]),
            item(Kind::MaterializedView, "s.m", &[("populated", "true")]),
        ]);
        let scope = Scope {
            items: [(Kind::Table, "s.t".to_owned()), (Kind::Column, "s.t.a".to_owned())].into(),
            ..Scope::default()
        };
        let expected = scope.expected(inventory.clone());
        assert_eq!(
            expected,
            Inventory::from_items(vec![
                item(Kind::Table, "s.u", &[]),
                item(Kind::Publication, "p", &[("table s.u", "all columns")]),
                item(Kind::MaterializedView, "s.m", &[("populated", "true")]),
            ])
        );
        for content in [Content::Schema, Content::Data] {
            let part = Scope { content, ..Scope::default() }.expected(inventory.clone());
            assert!(part.items.contains(&item(Kind::MaterializedView, "s.m", &[("populated", "false")])));
            assert_eq!(part.items.len(), 5);
        }
    }
}

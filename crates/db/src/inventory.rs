//! The catalog inventory: what a database holds besides its rows, as names and attributes that two servers can be compared by.
//!
//! It is a proof of its own that `pg_dump | pg_restore` brought everything back, so it asks the catalogs and not `pg_dump`.
//! OIDs, column numbers, file names and statistics never appear; what a plain round trip always changes is left out, in the
//! SQL, each with its reason. Rows, sequence values and large objects are other facts, kept elsewhere.

mod detail;
mod diff;
mod kind;
mod load;
mod queries;

use serde::{Deserialize, Serialize};

pub use detail::Detail;
pub use diff::{Difference, ItemId, diff};
pub use kind::Kind;
pub use load::{load, load_roles};

/// The value of an attribute that the login was not permitted to read.
pub const NOT_READABLE: &str = "not-readable";

/// One object of a database or of its server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// Its identity as `pg_identify_object` writes it: qualified by schema, quoted where needed, and for what belongs to
    /// a table followed by `on` and the table. The database itself is `this database`.
    pub name: String,
    /// Its attributes. A default is left out; owners and privileges are always there.
    pub detail: Detail,
}

/// All objects of a database, and the roles and tablespaces of its server; sorted by kind and name, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The objects.
    pub items: Vec<Item>,
}

impl Inventory {
    /// Returns the inventory of `items` in any order. Items of the same kind and name become one, with the attributes of both.
    pub fn from_items(mut items: Vec<Item>) -> Self {
        items.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        items.dedup_by(|later, earlier| {
            let same = later.kind == earlier.kind && later.name == earlier.name;
            if same {
                earlier.detail.merge(std::mem::take(&mut later.detail));
            }
            same
        });
        Self { items }
    }

    /// Returns the items of some kinds.
    pub fn only(mut self, wanted: impl Fn(Kind) -> bool) -> Self {
        self.items.retain(|item| wanted(item.kind));
        self
    }

    /// Returns this inventory with the roles, and what is granted to them outside of databases, of another one.
    pub fn with_roles_of(self, roles: Self) -> Self {
        let mut items = self.only(|kind| !kind.is_of_roles()).items;
        items.extend(roles.only(Kind::is_of_roles).items);
        Self::from_items(items)
    }

    /// Returns what this inventory could not be told: each item with the attribute that was [`NOT_READABLE`]. [`diff()`] does
    /// not compare these, so a proof has to name them.
    pub fn not_readable(&self) -> impl Iterator<Item = (&Item, &str)> {
        self.items.iter().flat_map(|item| {
            item.detail
                .iter()
                .filter(|(_, value)| *value == NOT_READABLE)
                .map(move |(attribute, _)| (item, attribute))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, attributes: &[(&str, &str)]) -> Item {
        Item { kind: Kind::Table, name: name.into(), detail: attributes.iter().copied().collect() }
    }

    #[test]
    fn items_are_sorted_and_each_is_there_once() {
        let inventory = Inventory::from_items(vec![
            item("public.b", &[("comment", "x")]),
            item("public.a", &[]),
            item("public.b", &[("owner", "o")]),
        ]);
        assert_eq!(
            inventory.items,
            [item("public.a", &[]), item("public.b", &[("owner", "o"), ("comment", "x")])]
        );
    }

    #[test]
    fn json_comes_back_equal() {
        let inventory =
            Inventory::from_items(vec![item("public.\"a\nb\"", &[("owner", "o"), ("definition", "\"x\"")])]);
        let json = serde_json::to_string(&inventory).unwrap();
        assert_eq!(serde_json::from_str::<Inventory>(&json).unwrap(), inventory);
        assert!(json.contains(r#""kind":"table""#), "{json}");
    }

    #[test]
    fn what_could_not_be_read_is_named() {
        let inventory =
            Inventory::from_items(vec![item("public.a", &[("owner", "o"), ("secret", NOT_READABLE)])]);
        let named: Vec<_> =
            inventory.not_readable().map(|(item, attribute)| (item.name.as_str(), attribute)).collect();
        assert_eq!(named, [("public.a", "secret")]);
    }
}

//! What differs between two inventories. Pure: values in, values out.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Inventory, Item, Kind, NOT_READABLE};

/// Which object: its kind and its identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemId {
    /// What it is.
    pub kind: Kind,
    /// Its identity, as in [`Item::name`].
    pub name: String,
}

/// One difference between what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "difference", rename_all = "lowercase")]
pub enum Difference {
    /// An object was expected and is not there.
    Missing(ItemId),
    /// An object is there that was not expected.
    Extra(ItemId),
    /// An attribute of an object that is on both sides.
    Changed {
        /// What the object is.
        kind: Kind,
        /// The object's identity.
        name: String,
        /// Which attribute.
        attribute: String,
        /// What was expected; nothing where the attribute was not expected.
        expected: Option<String>,
        /// What was found; nothing where the attribute is not there.
        found: Option<String>,
    },
}

/// Returns every difference, in the order of the items. An attribute that could not be read when `expected` was made is not
/// compared: see [`Inventory::not_readable`]. One that could be read then and cannot now is a difference.
///
/// Both inventories must be sorted, as [`Inventory::from_items`] leaves them.
pub fn diff(expected: &Inventory, found: &Inventory) -> Vec<Difference> {
    let (mut left, mut right) = (expected.items.iter().peekable(), found.items.iter().peekable());
    let mut differences = Vec::new();
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => (a.kind, &a.name).cmp(&(b.kind, &b.name)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return differences,
        };
        match order {
            Ordering::Less => differences.extend(left.next().map(|item| Difference::Missing(item.into()))),
            Ordering::Greater => differences.extend(right.next().map(|item| Difference::Extra(item.into()))),
            Ordering::Equal => {
                if let (Some(a), Some(b)) = (left.next(), right.next()) {
                    compare(a, b, &mut differences);
                }
            }
        }
    }
}

fn compare(expected: &Item, found: &Item, differences: &mut Vec<Difference>) {
    let gone_or_other = expected
        .detail
        .iter()
        .map(|(attribute, value)| (attribute, Some(value), found.detail.get(attribute)));
    let new = found.detail.iter().filter(|(attribute, _)| expected.detail.get(attribute).is_none());
    let new = new.map(|(attribute, value)| (attribute, None, Some(value)));
    for (attribute, was, is) in gone_or_other.chain(new) {
        if was != is && was != Some(NOT_READABLE) {
            differences.push(Difference::Changed {
                kind: expected.kind,
                name: expected.name.clone(),
                attribute: attribute.to_owned(),
                expected: was.map(str::to_owned),
                found: is.map(str::to_owned),
            });
        }
    }
}

impl From<&Item> for ItemId {
    fn from(item: &Item) -> Self {
        Self { kind: item.kind, name: item.name.clone() }
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        one_line(f, &self.name)
    }
}

/// One line each: `missing: index public.i`, `extra: …`, `changed: table public.t: owner: expected a, found b`. Of long values
/// only the place where they part is shown.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(item) => write!(f, "missing: {item}"),
            Self::Extra(item) => write!(f, "extra: {item}"),
            Self::Changed { kind, name, attribute, expected, found } => {
                write!(f, "changed: {kind} ")?;
                one_line(f, name)?;
                f.write_str(": ")?;
                one_line(f, attribute)?;
                let parting = parting(expected.as_deref().unwrap_or(""), found.as_deref().unwrap_or(""));
                f.write_str(": expected ")?;
                shown(f, expected.as_deref(), parting)?;
                f.write_str(", found ")?;
                shown(f, found.as_deref(), parting)
            }
        }
    }
}

/// Characters of a value that are shown, and how many of them come before the place where two values part.
const SHOWN: usize = 160;
const BEFORE: usize = 40;

fn parting(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

fn shown(f: &mut fmt::Formatter<'_>, value: Option<&str>, parting: usize) -> fmt::Result {
    let Some(value) = value else { return f.write_str("nothing") };
    let length = value.chars().count();
    let start = if length <= SHOWN { 0 } else { parting.saturating_sub(BEFORE).min(length - SHOWN) };
    let part: String = value.chars().skip(start).take(SHOWN).collect();
    f.write_str(if start > 0 { "…" } else { "" })?;
    one_line(f, &part)?;
    f.write_str(if start + SHOWN < length { "…" } else { "" })
}

/// Control characters are escaped: a hostile name must not draw on a terminal.
fn one_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars()
        .try_for_each(|c| if c.is_control() { write!(f, "{}", c.escape_default()) } else { write!(f, "{c}") })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn table(name: &str, attributes: &[(&str, &str)]) -> Item {
        Item { kind: Kind::Table, name: name.into(), detail: attributes.iter().copied().collect() }
    }

    fn index(name: &str) -> Item {
        Item { kind: Kind::Index, name: name.into(), detail: super::super::Detail::default() }
    }

    #[rstest]
    #[case::nothing(vec![], vec![], &[])]
    #[case::equal(vec![table("a", &[("owner", "x")])], vec![table("a", &[("owner", "x")])], &[])]
    #[case::missing(vec![table("a", &[]), table("b", &[])], vec![table("b", &[])], &["missing: table a"])]
    #[case::missing_at_the_end(vec![table("a", &[]), table("b", &[])], vec![table("a", &[])], &["missing: table b"])]
    #[case::extra(vec![table("b", &[])], vec![table("a", &[]), table("b", &[]), table("c", &[])], &["extra: table a", "extra: table c"])]
    #[case::same_name_other_kind(vec![table("a", &[])], vec![index("a")], &["missing: table a", "extra: index a"])]
    #[case::changed(
        vec![table("a", &[("owner", "x"), ("same", "s")])], vec![table("a", &[("owner", "y"), ("same", "s")])],
        &["changed: table a: owner: expected x, found y"])]
    #[case::attribute_gone(vec![table("a", &[("comment", "x")])], vec![table("a", &[])], &["changed: table a: comment: expected x, found nothing"])]
    #[case::attribute_new(vec![table("a", &[])], vec![table("a", &[("comment", "x")])], &["changed: table a: comment: expected nothing, found x"])]
    #[case::not_readable_then(vec![table("a", &[("secret", NOT_READABLE)])], vec![table("a", &[("secret", "x")])], &[])]
    #[case::not_readable_then_and_nothing_now(vec![table("a", &[("secret", NOT_READABLE)])], vec![table("a", &[])], &[])]
    #[case::not_readable_now(
        vec![table("a", &[("secret", "x")])], vec![table("a", &[("secret", NOT_READABLE)])],
        &["changed: table a: secret: expected x, found not-readable"])]
    #[case::case_matters(vec![table("\"A\"", &[])], vec![table("a", &[])], &["missing: table \"A\"", "extra: table a"])]
    #[case::hostile_name(vec![table("a\u{1b}[2J\nb", &[])], vec![], &["missing: table a\\u{1b}[2J\\nb"])]
    fn tells_what_differs(#[case] expected: Vec<Item>, #[case] found: Vec<Item>, #[case] lines: &[&str]) {
        let differences = diff(&Inventory::from_items(expected), &Inventory::from_items(found));
        assert_eq!(differences.iter().map(ToString::to_string).collect::<Vec<_>>(), lines);
    }

    #[test]
    fn of_long_values_the_place_where_they_part_is_shown() {
        let long = |end: &str| format!("{}{end}{}", "x".repeat(500), "y".repeat(500));
        let (was, is) = (long("WAS"), long("IS"));
        let differences = diff(
            &Inventory::from_items(vec![table("a", &[("definition", &was)])]),
            &Inventory::from_items(vec![table("a", &[("definition", &is)])]),
        );
        let line = differences[0].to_string();
        assert!(line.contains("xxxWASyyy") && line.contains("xxxISyyy") && line.len() < 450, "{line}");
    }
}

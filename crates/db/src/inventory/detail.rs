//! The attributes of one item: a small sorted map, because a database can have a million columns and a tree costs each half a kilobyte.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Attributes and their values, sorted by attribute. Serialised as a JSON object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Box<str>, Box<str>>", into = "BTreeMap<Box<str>, Box<str>>")]
pub struct Detail(Vec<(Box<str>, Box<str>)>);

impl Detail {
    /// Returns the value of `attribute`, if it has one.
    pub fn get(&self, attribute: &str) -> Option<&str> {
        let place = self.0.binary_search_by(|(name, _)| name.as_ref().cmp(attribute)).ok()?;
        Some(&self.0[place].1)
    }

    /// Returns each attribute with its value, in the order of the attributes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// Leaves out the attributes that `keep` is false for.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }

    /// Adds the attributes of `other`. Where both have one, `other`'s value wins.
    pub fn merge(&mut self, other: Self) {
        for (name, value) in other.0 {
            match self.0.binary_search_by(|(present, _)| present.cmp(&name)) {
                Ok(place) => self.0[place].1 = value,
                Err(place) => self.0.insert(place, (name, value)),
            }
        }
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Detail {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect::<BTreeMap<_, _>>().into()
    }
}

impl From<BTreeMap<Box<str>, Box<str>>> for Detail {
    fn from(map: BTreeMap<Box<str>, Box<str>>) -> Self {
        Self(map.into_iter().collect())
    }
}

impl From<Detail> for BTreeMap<Box<str>, Box<str>> {
    fn from(detail: Detail) -> Self {
        detail.0.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_the_order_and_the_later_value() {
        let mut detail: Detail = [("b", "1"), ("d", "2")].into_iter().collect();
        detail.merge([("c", "3"), ("b", "4"), ("a", "5")].into_iter().collect());
        assert_eq!(detail.iter().collect::<Vec<_>>(), [("a", "5"), ("b", "4"), ("c", "3"), ("d", "2")]);
        assert_eq!((detail.get("c"), detail.get("x")), (Some("3"), None));
    }
}

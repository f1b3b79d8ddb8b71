//! Access lists as the catalogs keep them, read from their text.
//!
//! The text, because a list is then one value: 5,000 tables that share a list share one entry in memory, and the server
//! need not take it apart for each.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Oid, PUBLIC, Privilege, Privileges};
use crate::DbError;

/// One entry: what one grantor gave to one grantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AclEntry {
    /// Who may; [`PUBLIC`] is everybody.
    pub grantee: Oid,
    /// Who gave it.
    pub grantor: Oid,
    /// What.
    pub privileges: Privileges,
    /// Which of these the grantee may give on.
    pub grantable: Privileges,
}

/// An access list; what nobody changed is spelt out (`acldefault`), so an empty one means that nobody may anything. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl(Arc<[AclEntry]>);

impl Acl {
    /// Returns whether both are one value in memory: equal without a look at the entries.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Acl {
    type Target = [AclEntry];

    fn deref(&self) -> &[AclEntry] {
        &self.0
    }
}

impl FromIterator<AclEntry> for Acl {
    fn from_iter<I: IntoIterator<Item = AclEntry>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl Serialize for Acl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Acl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from_iter)
    }
}

/// Turns texts of lists into lists, each text once.
pub(crate) struct Reader {
    roles: HashMap<String, Oid>,
    seen: HashMap<String, Acl>,
}

impl Reader {
    pub(crate) fn new(roles: impl Iterator<Item = (String, Oid)>) -> Self {
        Self { roles: roles.collect(), seen: HashMap::new() }
    }

    /// Returns the list of these items (`acl::text[]`).
    pub(crate) fn read(&mut self, items: &[&str]) -> Result<Acl, DbError> {
        // no text of PostgreSQL holds a NUL
        let key = items.join("\0");
        if let Some(known) = self.seen.get(&key) {
            return Ok(known.clone());
        }
        let unread = |item: &str| {
            DbError::Unexpected(format!(
                "the server sent an entry of an access list that makes no sense: {item}"
            ))
        };
        let acl: Acl =
            items.iter().map(|item| self.item(item).ok_or_else(|| unread(item))).collect::<Result<_, _>>()?;
        self.seen.insert(key, acl.clone());
        Ok(acl)
    }

    /// `grantee=privileges/grantor`, as `aclitemout` writes it.
    fn item(&self, item: &str) -> Option<AclEntry> {
        let (grantee, rest) = name(item)?;
        let rest = rest.strip_prefix('=')?;
        let (letters, grantor) = rest.split_once('/')?;
        let (grantor, "") = name(grantor)? else { return None };
        let (mut privileges, mut grantable, mut last) = (Privileges::NONE, Privileges::NONE, None);
        for letter in letters.chars() {
            match letter {
                '*' => grantable.insert(last?),
                letter => {
                    let privilege = Privilege::of_letter(letter)?;
                    privileges.insert(privilege);
                    last = Some(privilege);
                }
            }
        }
        let grantee = if grantee.is_empty() { PUBLIC } else { self.role(&grantee)? };
        Some(AclEntry { grantee, grantor: self.role(&grantor)?, privileges, grantable })
    }

    /// A role that was dropped stands there as its number.
    fn role(&self, name: &str) -> Option<Oid> {
        self.roles.get(name).copied().or_else(|| name.parse().ok())
    }
}

/// Splits a name off, quoted where it holds more than letters, digits and underscores; a quote is doubled.
fn name(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut quoted = false;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if quoted && matches!(chars.peek(), Some((_, '"'))) => {
                chars.next();
                name.push('"');
            }
            '"' => quoted = !quoted,
            '=' | '/' if !quoted => return Some((name, &text[at..])),
            c => name.push(c),
        }
    }
    (!quoted).then_some((name, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> Reader {
        let roles = [("app_owner", 100), ("a\"b=/c", 101), ("PUBLIC", 102), ("ö", 103)];
        Reader::new(roles.into_iter().map(|(name, oid)| (name.to_owned(), oid)))
    }

    fn entry(grantee: Oid, grantor: Oid, privileges: &str, grantable: &str) -> AclEntry {
        let set = |letters: &str| letters.chars().map(|c| Privilege::of_letter(c).unwrap()).collect();
        AclEntry { grantee, grantor, privileges: set(privileges), grantable: set(grantable) }
    }

    #[rstest::rstest]
    #[case("app_owner=arwdDxt/app_owner", entry(100, 100, "arwdDxt", ""))]
    #[case("=r/app_owner", entry(PUBLIC, 100, "r", ""))]
    #[case("PUBLIC=r*w/app_owner", entry(102, 100, "rw", "r"))]
    #[case("\"a\"\"b=/c\"=X*/\"a\"\"b=/c\"", entry(101, 101, "X", "X"))]
    #[case("ö=U/app_owner", entry(103, 100, "U", ""))]
    #[case("16999=r/app_owner", entry(16999, 100, "r", ""))]
    fn an_entry_is_read(#[case] text: &str, #[case] expected: AclEntry) {
        assert_eq!(*reader().read(&[text]).unwrap(), [expected]);
    }

    #[rstest::rstest]
    #[case("app_owner")]
    #[case("app_owner=?/app_owner")]
    #[case("app_owner=*/app_owner")]
    #[case("app_owner=r/nobody")]
    #[case("\"app_owner=r/app_owner")]
    fn what_is_none_is_an_error(#[case] text: &str) {
        assert!(reader().read(&[text]).is_err());
    }

    #[test]
    fn the_same_text_is_the_same_list() {
        let mut reader = reader();
        let (one, two) = (reader.read(&["=r/app_owner"]).unwrap(), reader.read(&["=r/app_owner"]).unwrap());
        assert!(one.is_same(&two));
        assert!(reader.read(&[]).unwrap().is_empty());
    }
}

//! What can be granted, on which kinds of objects, from which version on: as data.
//!
//! Source: `src/include/utils/acl.h` of PostgreSQL and the table "ACL Privilege Abbreviations" of its documentation.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One privilege.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the word of GRANT")]
pub enum Privilege {
    Select,
    Insert,
    Update,
    Delete,
    Truncate,
    References,
    Trigger,
    Maintain,
    Usage,
    Create,
    Execute,
    Connect,
    Temporary,
    Set,
    AlterSystem,
}

use Privilege as P;

/// Every privilege with its word in GRANT and its letter in an access list.
const ALL: [(Privilege, &str, char); 15] = [
    (P::Select, "select", 'r'),
    (P::Insert, "insert", 'a'),
    (P::Update, "update", 'w'),
    (P::Delete, "delete", 'd'),
    (P::Truncate, "truncate", 'D'),
    (P::References, "references", 'x'),
    (P::Trigger, "trigger", 't'),
    (P::Maintain, "maintain", 'm'),
    (P::Usage, "usage", 'U'),
    (P::Create, "create", 'C'),
    (P::Execute, "execute", 'X'),
    (P::Connect, "connect", 'c'),
    (P::Temporary, "temporary", 'T'),
    (P::Set, "set", 's'),
    (P::AlterSystem, "alter system", 'A'),
];

impl Privilege {
    /// Returns the word GRANT uses, in lower case.
    pub fn word(self) -> &'static str {
        ALL[self as usize].1
    }

    /// Returns what somebody can do with it, for people: `insert into`, `use`.
    pub fn deed(self) -> &'static str {
        match self {
            P::Select => "select from",
            P::Insert => "insert into",
            P::Delete => "delete from",
            P::References => "refer to",
            P::Trigger => "put triggers on",
            P::Usage => "use",
            P::Create => "create in",
            P::Connect => "connect to",
            P::Temporary => "make temporary tables in",
            P::Update | P::Truncate | P::Maintain | P::Execute | P::Set | P::AlterSystem => self.word(),
        }
    }

    /// Returns the privilege of a word; capitals do not matter, `temp` is `temporary`.
    pub fn parse(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let word = if word == "temp" { "temporary" } else { &word };
        ALL.iter().find(|(_, known, _)| *known == word).map(|(privilege, ..)| *privilege)
    }

    /// Returns the words of all privileges.
    pub fn words() -> impl Iterator<Item = &'static str> {
        ALL.iter().map(|(_, word, _)| *word)
    }

    /// Returns the letter an access list uses.
    pub fn letter(self) -> char {
        ALL[self as usize].2
    }

    pub(crate) fn of_letter(letter: char) -> Option<Self> {
        ALL.iter().find(|(.., known)| *known == letter).map(|(privilege, ..)| *privilege)
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A set of privileges.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Privileges(u16);

impl Privileges {
    /// No privilege.
    pub const NONE: Self = Self(0);

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Returns whether this one is among them.
    pub fn contains(self, privilege: Privilege) -> bool {
        self.0 & (1 << privilege as u16) != 0
    }

    /// Adds one.
    pub fn insert(&mut self, privilege: Privilege) {
        self.0 |= 1 << privilege as u16;
    }

    /// Returns those of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns those that are in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns those of these that are not in the other.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns each, in the order of the enum.
    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        ALL.iter().map(|(privilege, ..)| *privilege).filter(move |privilege| self.contains(*privilege))
    }

    /// Returns the words, as GRANT takes them: `select, insert`.
    pub fn words(self) -> String {
        self.iter().map(Privilege::word).collect::<Vec<_>>().join(", ")
    }
}

impl FromIterator<Privilege> for Privileges {
    fn from_iter<I: IntoIterator<Item = Privilege>>(privileges: I) -> Self {
        privileges.into_iter().fold(Self::NONE, |mut set, privilege| {
            set.insert(privilege);
            set
        })
    }
}

impl fmt::Debug for Privileges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.words())
    }
}

/// As letters of an access list: `arw`.
impl Serialize for Privileges {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.iter().map(Privilege::letter).collect::<String>())
    }
}

impl<'de> Deserialize<'de> for Privileges {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let letters = String::deserialize(deserializer)?;
        let unknown = |letter| serde::de::Error::custom(format!("{letter:?} is the letter of no privilege"));
        letters.chars().map(|letter| Privilege::of_letter(letter).ok_or_else(|| unknown(letter))).collect()
    }
}

/// What GRANT takes for one thing: all that can be granted on it, and the word it is named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is what it says")]
pub enum Class {
    Database,
    Schema,
    /// Tables, partitioned tables, views, materialised views, foreign tables.
    Table,
    Sequence,
    /// Functions, procedures, aggregates.
    Routine,
    /// Types and domains.
    Type,
    Language,
    ForeignDataWrapper,
    ForeignServer,
    Tablespace,
    LargeObject,
    /// A configuration parameter (15 and later).
    Parameter,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 12] = [
        Self::Database,
        Self::Schema,
        Self::Table,
        Self::Sequence,
        Self::Routine,
        Self::Type,
        Self::Language,
        Self::ForeignDataWrapper,
        Self::ForeignServer,
        Self::Tablespace,
        Self::LargeObject,
        Self::Parameter,
    ];

    /// Returns what can be granted, on a server of this `server_version_num`.
    pub fn privileges(self, version: u32) -> Privileges {
        let all: &[Privilege] = match self {
            Self::Database => &[P::Create, P::Connect, P::Temporary],
            Self::Schema => &[P::Usage, P::Create],
            Self::Table => &[
                P::Select,
                P::Insert,
                P::Update,
                P::Delete,
                P::Truncate,
                P::References,
                P::Trigger,
                P::Maintain,
            ],
            Self::Sequence => &[P::Select, P::Update, P::Usage],
            Self::Routine => &[P::Execute],
            Self::Type | Self::Language | Self::ForeignDataWrapper | Self::ForeignServer => &[P::Usage],
            Self::Tablespace => &[P::Create],
            Self::LargeObject => &[P::Select, P::Update],
            Self::Parameter => &[P::Set, P::AlterSystem],
        };
        all.iter().copied().filter(|privilege| *privilege != P::Maintain || version >= 170_000).collect()
    }

    /// Returns what can be granted on single columns of it.
    pub fn column_privileges(self) -> Privileges {
        match self {
            Self::Table => [P::Select, P::Insert, P::Update, P::References].into_iter().collect(),
            _ => Privileges::NONE,
        }
    }

    /// Returns the word GRANT wants before the name.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Schema => "schema",
            Self::Table => "table",
            Self::Sequence => "sequence",
            Self::Routine => "routine",
            Self::Type => "type",
            Self::Language => "language",
            Self::ForeignDataWrapper => "foreign data wrapper",
            Self::ForeignServer => "foreign server",
            Self::Tablespace => "tablespace",
            Self::LargeObject => "large object",
            Self::Parameter => "parameter",
        }
    }

    /// Returns what PUBLIC may do with a new one while nobody said otherwise (`acldefault`).
    pub fn public_default(self) -> Privileges {
        let kept: &[Privilege] = match self {
            Self::Database => &[P::Connect, P::Temporary],
            Self::Routine => &[P::Execute],
            Self::Type | Self::Language => &[P::Usage],
            _ => &[],
        };
        kept.iter().copied().collect()
    }

    /// Returns the letter of `pg_default_acl.defaclobjtype`; `None` for what has no default privileges.
    /// (Large objects have them from 18 on.)
    pub fn default_letter(self) -> Option<char> {
        match self {
            Self::Table => Some('r'),
            Self::Sequence => Some('S'),
            Self::Routine => Some('f'),
            Self::Type => Some('T'),
            Self::Schema => Some('n'),
            Self::LargeObject => Some('L'),
            _ => None,
        }
    }

    /// Returns the word ALTER DEFAULT PRIVILEGES uses: `tables`.
    pub fn plural(self) -> Option<&'static str> {
        match self {
            Self::Table => Some("tables"),
            Self::Sequence => Some("sequences"),
            Self::Routine => Some("routines"),
            Self::Type => Some("types"),
            Self::Schema => Some("schemas"),
            Self::LargeObject => Some("large objects"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum_and_letters_are_unique() {
        for (place, (privilege, word, letter)) in ALL.iter().enumerate() {
            assert_eq!(*privilege as usize, place);
            assert_eq!(Privilege::parse(word), Some(*privilege));
            assert_eq!(Privilege::of_letter(*letter), Some(*privilege));
        }
        assert_eq!(Privilege::parse("TEMP"), Some(Privilege::Temporary));
        assert_eq!(Privilege::parse("all"), None);
    }

    #[test]
    fn maintain_is_of_17() {
        assert!(!Class::Table.privileges(160_004).contains(Privilege::Maintain));
        assert!(Class::Table.privileges(170_000).contains(Privilege::Maintain));
    }

    #[test]
    fn sets_are_written_as_letters() {
        let set: Privileges = [P::Update, P::Insert, P::Select].into_iter().collect();
        assert_eq!(serde_json::to_string(&set).unwrap(), "\"raw\"");
        assert_eq!(serde_json::from_str::<Privileges>("\"raw\"").unwrap(), set);
        assert!(serde_json::from_str::<Privileges>("\"rz\"").is_err());
    }
}

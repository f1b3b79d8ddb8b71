//! Fingerprints: whether two sets of rows are the same, whatever their order.
//!
//! A row is its COPY text line. Each is hashed to 128 bits (XXH3, under a secret of the backup's own, so that a fingerprint
//! tells nothing about a guessed row); the hashes are added modulo 2^128, so the order does not matter and a row that comes
//! twice counts twice. Good against corruption and mistakes; against forgery the encrypted facts are what protects.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::const_xxh3::const_custom_default_secret;
use xxhash_rust::xxh3::xxh3_128_with_secret;

/// The secret under which rows are hashed; two digests compare only under the same one.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(u64);

impl Seed {
    /// Returns a new one from the operating system's generator.
    pub fn random() -> Self {
        Self(rand::random())
    }
}

/// Never printed: who knows it could test guesses of rows against fingerprints.
impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed([REDACTED])")
    }
}

/// The sum of the hashes of a set of rows; 32 hexadecimal digits as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(u128);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

/// What is known of a set of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFacts {
    /// How many.
    pub rows: u64,
    /// Their COPY text, in bytes, with the line ends.
    pub bytes: u64,
    /// Their fingerprint.
    pub fingerprint: Fingerprint,
}

impl RowFacts {
    /// Adds what is known of other rows of the same set.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.fingerprint.0 = self.fingerprint.0.wrapping_add(other.fingerprint.0);
    }
}

/// Counts and fingerprints rows as they stream past.
pub struct RowDigest {
    secret: [u8; 192],
    facts: RowFacts,
}

impl RowDigest {
    /// Returns a digest of no rows.
    pub fn new(seed: Seed) -> Self {
        Self { secret: const_custom_default_secret(seed.0), facts: RowFacts::default() }
    }

    /// Adds whole rows: COPY text lines, each with its line end. COPY writes a line end inside a value as `\n`, so every
    /// line end ends a row.
    pub fn update(&mut self, rows: &[u8]) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', rows) {
            let hash = xxh3_128_with_secret(&rows[start..end], &self.secret);
            self.facts.fingerprint.0 = self.facts.fingerprint.0.wrapping_add(hash);
            self.facts.rows += 1;
            start = end + 1;
        }
        debug_assert_eq!(start, rows.len(), "rows must be whole");
        self.facts.bytes += rows.len() as u64;
    }

    /// Returns what is known of the rows so far.
    pub fn facts(&self) -> RowFacts {
        self.facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(seed: u64, batches: &[&str]) -> RowFacts {
        let mut digest = RowDigest::new(Seed(seed));
        batches.iter().for_each(|batch| digest.update(batch.as_bytes()));
        digest.facts()
    }

    #[test]
    fn order_and_batches_do_not_matter() {
        assert_eq!(digest(1, &["a\nb\n", "c\n"]), digest(1, &["c\n", "b\na\n"]));
    }

    #[test]
    fn a_row_that_comes_twice_counts_twice() {
        assert_ne!(digest(1, &["a\na\n"]).fingerprint, digest(1, &["b\nb\n"]).fingerprint);
        assert_ne!(digest(1, &["a\na\nb\n"]).fingerprint, digest(1, &["a\nb\nb\n"]).fingerprint);
    }

    #[test]
    fn empty_rows_are_counted() {
        assert_eq!(digest(1, &["\n\n"]).rows, 2);
        assert_ne!(digest(1, &["\n\n"]).fingerprint, digest(1, &["\n"]).fingerprint);
    }

    #[test]
    fn one_character_changes_the_fingerprint_and_so_does_the_seed() {
        assert_ne!(digest(1, &["a\tb\n"]).fingerprint, digest(1, &["a\tc\n"]).fingerprint);
        assert_ne!(digest(1, &["a\n"]).fingerprint, digest(2, &["a\n"]).fingerprint);
    }

    #[test]
    fn pieces_add_up_to_the_whole() {
        let mut sum = digest(7, &["a\nb\n"]);
        sum.add(&digest(7, &["c\n"]));
        assert_eq!(sum, digest(7, &["a\nb\nc\n"]));
    }

    #[test]
    fn text_form_is_stable() {
        // stored in backups: a change here is a change of the format
        assert_eq!(digest(42, &["1\tone\n"]).fingerprint.to_string(), "d1e7657fe3b3cf8312c6563815a1a148");
    }
}

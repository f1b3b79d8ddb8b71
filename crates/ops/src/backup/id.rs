//! Names of backups: `unisys_20261121T020000Z_7f3a`.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::keys::sha256;
use crate::{OpsError, random};

const TIME: &str = "%Y%m%dT%H%M%SZ";

/// The name of a backup, which is also its directory's: the database in letters every file system takes, the moment in UTC,
/// and four random digits, so that two of one second are two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackupId(String);

impl BackupId {
    /// Returns a new name for a backup of `database` at `moment`.
    pub fn new(database: &str, moment: DateTime<Utc>) -> Self {
        Self(format!("{}_{}_{}", Self::slug(database), moment.format(TIME), random::suffix()))
    }

    /// Returns another name for a backup of the same database and moment.
    pub(super) fn sibling(&self) -> Self {
        let moment = self.0.rsplit_once('_').map_or(self.0.as_str(), |(start, _)| start);
        Self(format!("{moment}_{}", random::suffix()))
    }

    /// Returns the database's name in letters that every file system takes. A name that had to be changed gets a hash of the
    /// real one, so that no two databases share a slug; the real name is in the manifest.
    pub fn slug(database: &str) -> String {
        let safe: String = database.chars().map(|c| if is_safe(c) { c } else { '-' }).take(40).collect();
        if safe == database && !safe.is_empty() {
            return safe;
        }
        format!("{safe}-{}", &sha256(database.as_bytes())[..8])
    }

    /// Returns the id in `text`.
    ///
    /// # Errors
    /// [`OpsError::Refused`] when it has not the form of one.
    pub fn parse(text: &str) -> Result<Self, OpsError> {
        let mut parts = text.splitn(3, '_');
        let (slug, time, suffix) =
            (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let well_formed = !slug.is_empty()
            && slug.chars().all(is_safe)
            && NaiveDateTime::parse_from_str(time, TIME).is_ok()
            && suffix.len() == 4
            && suffix.chars().all(|c| c.is_ascii_hexdigit());
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(OpsError::Refused(format!("{text:?} is not the name of a backup")))
        }
    }

    /// Returns the moment in the name (UTC), to the second.
    pub fn moment(&self) -> DateTime<Utc> {
        let time = self.0.split('_').nth(1).unwrap_or_default();
        // an id is only made of what parses
        NaiveDateTime::parse_from_str(time, TIME).unwrap_or_default().and_utc()
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part that stands for the database; see [`BackupId::slug`].
    pub fn database_slug(&self) -> &str {
        self.0.split_once('_').map_or("", |(slug, _)| slug)
    }

    /// Returns what follows the database: the moment and the digits.
    pub(super) fn after_slug(&self) -> &str {
        self.0.split_once('_').map_or("", |(_, rest)| rest)
    }
}

/// Lower case only: file systems that ignore case must not confuse `App` and `app`. `_` parts an id.
fn is_safe(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

impl fmt::Display for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for BackupId {
    type Error = OpsError;

    fn try_from(text: String) -> Result<Self, OpsError> {
        Self::parse(&text)
    }
}

impl From<BackupId> for String {
    fn from(id: BackupId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("unisys")]
    #[case("App")]
    #[case("app")]
    #[case("app_prod")]
    #[case("../../etc/passwd")]
    #[case("a/b\nc")]
    #[case("")]
    #[case(".hidden")]
    #[case("con")]
    #[case("数据库")]
    fn every_database_has_an_id_that_reads_back(#[case] database: &str) {
        let id = BackupId::new(database, "2026-11-21T02:00:00Z".parse().unwrap());
        assert_eq!(BackupId::parse(id.as_str()).unwrap(), id);
        assert_eq!(id.moment(), "2026-11-21T02:00:00Z".parse::<DateTime<Utc>>().unwrap());
        assert!(!id.as_str().contains(['/', '\\', '\n', '.']));
    }

    #[test]
    fn similar_names_do_not_share_a_slug() {
        let mut slugs: Vec<String> =
            ["app", "App", "APP", "app_", "app-", "app--"].map(BackupId::slug).to_vec();
        slugs.sort();
        slugs.dedup();
        assert_eq!(slugs.len(), 6);
    }

    #[rstest::rstest]
    #[case("unisys_20261121T020000Z_7f3")]
    #[case("unisys_20261321T020000Z_7f3a")]
    #[case("../x_20261121T020000Z_7f3a")]
    #[case(".partial-unisys_20261121T020000Z_7f3a")]
    #[case("lost+found")]
    fn other_names_are_not_ids(#[case] text: &str) {
        assert!(BackupId::parse(text).is_err());
    }
}

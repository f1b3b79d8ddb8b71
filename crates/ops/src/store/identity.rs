//! Which cluster each database of a store is backed up from.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::OpsError;

/// The file `store.json`: database name → system identifier.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Owners {
    format: u32,
    databases: BTreeMap<String, String>,
}

impl Owners {
    /// Reads the file; one that does not exist knows no database.
    pub(super) fn read(path: &Path) -> Result<Self, OpsError> {
        match std::fs::read(path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| OpsError::Corrupt(format!("{} is damaged: {error}", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self { format: 1, databases: BTreeMap::new() })
            }
            Err(error) => Err(OpsError::io("read", path)(error)),
        }
    }

    /// Returns whether the file must be written anew.
    pub(super) fn claim(
        &mut self,
        database: &str,
        system_identifier: &str,
        adopt: bool,
    ) -> Result<bool, OpsError> {
        let known = self.databases.get(database).map(String::as_str);
        let new = judge(database, known, system_identifier, adopt)?;
        if new {
            self.databases.insert(database.to_owned(), system_identifier.to_owned());
        }
        Ok(new)
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

/// Returns whether a claim is new and to be written down.
///
/// # Errors
/// [`OpsError::Refused`] naming both clusters, when it is another one and not to be adopted.
pub(super) fn judge(
    database: &str,
    known: Option<&str>,
    system_identifier: &str,
    adopt: bool,
) -> Result<bool, OpsError> {
    match known {
        Some(known) if known == system_identifier => Ok(false),
        Some(known) if !adopt => Err(OpsError::Refused(format!(
            "this store holds backups of {database:?} from the cluster {known}, but the server is the cluster {system_identifier}"
        ))),
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_cluster_under_the_same_name_is_refused_until_adopted() {
        let mut owners = Owners { format: 1, databases: BTreeMap::new() };
        assert!(owners.claim("app", "1", false).unwrap());
        assert!(!owners.claim("app", "1", false).unwrap());
        assert!(matches!(owners.claim("app", "2", false), Err(OpsError::Refused(_))));
        assert!(owners.claim("app", "2", true).unwrap());
        assert!(owners.claim("app-prod", "9", false).unwrap());
    }
}

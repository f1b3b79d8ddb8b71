//! Which cluster each database of a bucket is backed up from. Every claim is an object of its own, written only where there is
//! none: two machines cannot both be the first, and nothing is ever overwritten.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::bucket::{BRIEFLY, Bucket};
use crate::OpsError;
use crate::backup::BackupId;
use crate::store::identity;

/// How often a claim that somebody else was quicker to write is read again.
const TRIES: usize = 5;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    format: u32,
    database: String,
    system_identifier: String,
}

/// See [`crate::store::Store::claim`].
pub(super) async fn claim(
    bucket: &Bucket,
    database: &str,
    system_identifier: &str,
    adopt: bool,
) -> Result<(), OpsError> {
    let prefix = format!("owners/{}/", BackupId::slug(database));
    for _ in 0..TRIES {
        let mut names: Vec<String> = Vec::new();
        bucket.list(&prefix, |name, _| names.push(name.to_owned())).await?;
        names.sort();
        let known = match names.last() {
            Some(name) => read(bucket, name).await?,
            None => None,
        };
        if !identity::judge(database, known.as_deref(), system_identifier, adopt)? {
            return Ok(());
        }
        let number = names.last().and_then(|name| number(&prefix, name)).unwrap_or(0) + 1;
        let (database, system_identifier) = (database.to_owned(), system_identifier.to_owned());
        let claim = Claim { format: 1, database, system_identifier };
        let json = Bytes::from(serde_json::to_vec_pretty(&claim).unwrap_or_default());
        if bucket.create(&format!("{prefix}{number:04}.json"), json, BRIEFLY).await? {
            return Ok(());
        }
    }
    Err(OpsError::Refused(format!("others keep claiming {database:?} in {}", bucket.url(&prefix))))
}

async fn read(bucket: &Bucket, name: &str) -> Result<Option<String>, OpsError> {
    let Some(json) = bucket.get(name, BRIEFLY).await? else { return Ok(None) };
    let claim: Claim = serde_json::from_slice(&json)
        .map_err(|error| OpsError::Corrupt(format!("{} is damaged: {error}", bucket.url(name))))?;
    Ok(Some(claim.system_identifier))
}

fn number(prefix: &str, name: &str) -> Option<u32> {
    name.strip_prefix(prefix)?.strip_suffix(".json")?.parse().ok()
}

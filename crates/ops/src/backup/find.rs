//! Which backup is meant: by its whole name, by the start of it, or as the latest.

use super::BackupId;
use crate::OpsError;
use crate::restore::OpenBackup;
use crate::store::Store;

/// How many digits of the moment a short name has at least: the day. `unisys_2` would mean another backup tomorrow.
const DAY: usize = "20261121".len();

/// Returns the ids that `text` means: the one of this name, else those whose name starts with it, or whose moment does. A short
/// name reaches at least to the day.
pub fn matching<'a>(ids: &'a [BackupId], text: &str) -> Vec<&'a BackupId> {
    if let Some(id) = ids.iter().find(|id| id.as_str() == text) {
        return vec![id];
    }
    let is_day = |part: &str| part.len() >= DAY && part.bytes().take(DAY).all(|byte| byte.is_ascii_digit());
    let by_moment = is_day(text);
    let by_name = text.split_once('_').is_some_and(|(_, moment)| is_day(moment));
    let starts = |id: &&BackupId| {
        (by_name && id.as_str().starts_with(text)) || (by_moment && id.after_slug().starts_with(text))
    };
    ids.iter().filter(starts).collect()
}

/// The latest backup of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latest {
    /// The newest that holds all that is wanted; one whose manifest cannot be read may have been that.
    pub whole: Option<BackupId>,
    /// The newest of those that are newer and hold less, and what it holds, in words.
    pub part: Option<(BackupId, String)>,
}

/// Returns the latest backup in `store`, of one database or of all. It is a whole one, or holds `part`, where the configuration asks
/// for no more.
///
/// # Errors
/// [`OpsError`] when the store cannot be read.
pub fn latest(store: &dyn Store, database: Option<&str>, part: Option<&str>) -> Result<Latest, OpsError> {
    let slug = database.map(BackupId::slug);
    let mut ids = store.ids()?;
    ids.retain(|id| slug.as_ref().is_none_or(|slug| id.database_slug() == slug));
    ids.sort_by_key(|id| std::cmp::Reverse((id.moment(), id.clone())));
    let mut passed = None;
    for of_a_second in ids.chunk_by(|a, b| a.moment() == b.moment()) {
        // the name tells the second, the manifest the moment
        let mut known = Vec::new();
        for id in of_a_second {
            known.push(match OpenBackup::manifest(store, id) {
                Ok((manifest, _)) => (manifest.moment, id, manifest.part()),
                Err(error) if error.blames_the_backup() => (id.moment(), id, None),
                // removed since the store was listed, or of a newer format: whoever opens it says so
                Err(OpsError::Refused(_) | OpsError::NewerFormat { .. }) => (id.moment(), id, None),
                Err(error) => return Err(error),
            });
        }
        known.sort_by_key(|(moment, id, _)| std::cmp::Reverse((*moment, *id)));
        for (_, id, held) in known {
            match held {
                Some(words) if Some(words.as_str()) != part => {
                    passed = passed.or_else(|| Some((id.clone(), words)));
                }
                _ => return Ok(Latest { whole: Some(id.clone()), part: passed }),
            }
        }
    }
    Ok(Latest { whole: None, part: passed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let ids = [
            "app_20261120T020000Z_7f3a",
            "app_20261121T020000Z_0001",
            "app_20261121T030000Z_0002",
            "crm_20261121T030000Z_0003",
        ]
        .map(|id| BackupId::parse(id).unwrap());
        matching(&ids, text).into_iter().map(|id| id.as_str()[..3].to_owned() + &id.as_str()[20..]).collect()
    }

    #[rstest::rstest]
    #[case("app_20261121T020000Z_0001", &["app_0001"])]
    #[case("app_20261120", &["app_7f3a"])]
    #[case("20261120", &["app_7f3a"])]
    #[case("20261121T030000Z_0003", &["crm_0003"])]
    #[case("app_20261121T03", &["app_0002"])]
    #[case("20261121T03", &["app_0002", "crm_0003"])]
    #[case("app_202611", &[])]
    #[case("app", &[])]
    #[case("", &[])]
    #[case("0001", &[])]
    #[case("app_20261122", &[])]
    #[case("../app_20261120", &[])]
    fn a_short_name_reaches_at_least_to_the_day(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(found(text), expected);
    }
}

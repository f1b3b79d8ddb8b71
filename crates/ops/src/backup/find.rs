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

/// Returns the latest backup in `store`, of one database or of all.
///
/// # Errors
/// [`OpsError`] when the store, or one of two manifests of the same second, cannot be read.
pub fn latest(store: &dyn Store, database: Option<&str>) -> Result<Option<BackupId>, OpsError> {
    let slug = database.map(BackupId::slug);
    let mut ids = store.ids()?;
    ids.retain(|id| slug.as_ref().is_none_or(|slug| id.database_slug() == slug));
    let newest = ids.iter().map(BackupId::moment).max();
    ids.retain(|id| Some(id.moment()) == newest);
    if ids.len() < 2 {
        return Ok(ids.pop());
    }
    // the name tells the second, the manifest the moment
    let moments: Result<Vec<_>, OpsError> =
        ids.into_iter().map(|id| Ok((OpenBackup::manifest(store, &id)?.0.moment, id))).collect();
    Ok(moments?.into_iter().max().map(|(_, id)| id))
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

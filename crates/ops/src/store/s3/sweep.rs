//! What runs that were killed left in a bucket: objects without a manifest, and uploads under way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::bucket::{BRIEFLY, Bucket};
use super::local::Local;
use super::uploads::Upload;
use crate::OpsError;
use crate::backup::BackupId;
use crate::store::MANIFEST;

/// A run on another machine gives a sign of life at least this often: a part it has written.
const SILENCE: TimeDelta = TimeDelta::days(1);

/// What there is of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Traces {
    complete: bool,
    newest: DateTime<Utc>,
}

/// Returns the runs that are dead: without a manifest, and silent for a day by the server's clock.
fn dead(found: &BTreeMap<BackupId, Traces>, now: DateTime<Utc>) -> Vec<BackupId> {
    let silent = |traces: &Traces| !traces.complete && now.signed_duration_since(traces.newest) > SILENCE;
    found.iter().filter(|(_, traces)| silent(traces)).map(|(id, _)| id.clone()).collect()
}

/// Removes what dead runs of a database left. `ended` are those of this machine, of which it is known; returns which of them need
/// not be thought of any more.
///
/// # Errors
/// The bucket cannot be listed. What cannot be removed now is tried again by the next run.
pub(super) async fn sweep(
    bucket: Arc<Bucket>,
    local: Arc<Local>,
    slug: String,
    ended: Vec<BackupId>,
    now: DateTime<Utc>,
) -> Result<Vec<BackupId>, OpsError> {
    let mut cleaned = Vec::new();
    for id in ended {
        // killed between the manifest and the end of its note, a run has made a backup; so it has when its removal never began
        match bucket.get(&format!("{id}/{MANIFEST}"), BRIEFLY).await? {
            Some(_) => cleaned.push(id),
            None if clean(&bucket, &id, local.noted_uploads(&id)).await.is_ok() => cleaned.push(id),
            None => {}
        }
    }
    let prefix = format!("{slug}_");
    let mut found = BTreeMap::new();
    let mut see = |name: &str, complete: bool, at: DateTime<Utc>| {
        let id = name.split_once('/').and_then(|(id, _)| BackupId::parse(id).ok());
        let Some(id) = id.filter(|id| id.database_slug() == slug) else { return };
        let traces = found.entry(id).or_insert(Traces { complete: false, newest: at });
        traces.complete |= complete;
        traces.newest = traces.newest.max(at);
    };
    bucket.list(&prefix, |name, object| see(name, is_manifest(name), object.last_modified)).await?;
    // a server without this question, or a key without the right to ask it, keeps nobody from making a backup
    let uploads = bucket.uploads(&prefix).await.unwrap_or_default();
    for upload in &uploads {
        match bucket.last_sign_of(upload).await {
            Ok(at) => see(&upload.name, false, at),
            Err(_) => see(&upload.name, false, now),
        }
    }
    for id in dead(&found, now) {
        // what stays is found again by the next run
        let _ = clean(&bucket, &id, Vec::new()).await;
    }
    // an upload beside a complete backup is of a try that was given up
    for Upload { name, id, begun } in uploads {
        let complete = name.split_once('/').and_then(|(id, _)| BackupId::parse(id).ok());
        let complete = complete.is_some_and(|id| found.get(&id).is_some_and(|traces| traces.complete));
        if complete && now.signed_duration_since(begun) > SILENCE {
            let _ = bucket.give_up(&name, &id).await;
        }
    }
    Ok(cleaned)
}

fn is_manifest(name: &str) -> bool {
    name.split_once('/').is_some_and(|(_, file)| file == MANIFEST)
}

/// Removes everything of a backup: its manifest first, with which it stops to exist, then the rest and what was on its way;
/// `noted` are uploads that are known without asking.
///
/// # Errors
/// The bucket's.
pub(super) async fn clean(
    bucket: &Bucket,
    id: &BackupId,
    noted: Vec<(String, String)>,
) -> Result<(), OpsError> {
    let prefix = format!("{id}/");
    bucket.delete(&format!("{prefix}{MANIFEST}")).await?;
    let mut names = Vec::new();
    bucket.list(&prefix, |name, _| names.push(name.to_owned())).await?;
    bucket.delete_all(names).await?;
    let found = bucket.uploads(&prefix).await.unwrap_or_default();
    let found = found.into_iter().map(|upload| (upload.id, upload.name));
    let mut first = Ok(());
    for (upload, name) in noted.into_iter().chain(found).collect::<BTreeSet<_>>() {
        // one that cannot be given up does not keep the others
        first = first.and(bucket.give_up(&name, &upload).await);
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_no_manifest_and_was_silent_for_a_day_is_dead() {
        let now: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
        let run = |number: u32, complete: bool, hours: i64| {
            let id = BackupId::parse(&format!("app_20261119T020000Z_000{number}")).unwrap();
            (id, Traces { complete, newest: now - TimeDelta::hours(hours) })
        };
        // begun two days ago and complete; dead; alive; just not silent for long enough; of a clock that is ahead
        let found =
            [run(1, true, 48), run(2, false, 25), run(3, false, 0), run(4, false, 24), run(5, false, -3)];
        let dead = dead(&found.into(), now);
        assert_eq!(dead.iter().map(BackupId::as_str).collect::<Vec<_>>(), ["app_20261119T020000Z_0002"]);
    }
}

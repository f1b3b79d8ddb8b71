//! What a store holds: one line for each complete backup, the newest first.
//!
//! Reading ten thousand manifests takes seconds, so what was read is kept in the store's memory, under each backup's id and
//! the mark of its version: a proof written beside a backup changes that mark, and its line is read anew. What is changed
//! within a file is seen by a check, not here. The index is for listing alone; it may be lost, damaged or impossible to write.

mod index;

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::index::Entry;
use super::worth::{self, State};
use super::{BackupId, Layout, Manifest, Tag};
use crate::drill;
use crate::evidence::{Trust, signature_name};
use crate::keys::sha256;
use crate::restore::OpenBackup;
use crate::retention::Pin;
use crate::store::{MANIFEST, Store, Version};
use crate::{OpsError, at_once};

/// A backup changed this recently may change again within one tick of the store's clock, and look unchanged. Two seconds is the
/// coarsest clock in use (FAT's).
const TICK: Duration = Duration::from_secs(2);

/// One backup of a store. What only a sound manifest can tell is `None` without one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name.
    pub id: BackupId,
    /// The moment its data is of (UTC); without a manifest, the one in its name.
    pub moment: DateTime<Utc>,
    /// What it is worth.
    pub state: State,
    /// Why its manifest cannot be read.
    pub problem: Option<String>,
    /// When its newest proof that counts was begun.
    pub proven: Option<DateTime<Utc>>,
    /// When its newest drill was begun, however it ended.
    pub drilled: Option<DateTime<Utc>>,
    /// When its newest proof was begun that does not count, because nobody who is trusted vouches for it.
    #[serde(default)]
    pub doubted: Option<DateTime<Utc>>,
    /// Which part of its database it holds, in words; nothing where it was to hold all of it.
    #[serde(default)]
    pub part: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// The cluster.
    pub system_identifier: Option<String>,
    /// How many rows its tables have together.
    pub rows: Option<u64>,
    /// How many tables it has.
    pub tables: Option<u64>,
    /// How many large objects it has.
    pub large_objects: Option<u64>,
    /// The size of its files, in bytes.
    pub stored_bytes: Option<u64>,
    /// The size of the database on the server, in bytes.
    pub database_bytes: Option<u64>,
    /// How long it took, in seconds.
    pub seconds: Option<f64>,
    /// How the rows are stored.
    pub layout: Option<Layout>,
    /// The server's version.
    pub server_version: Option<String>,
    /// The version of this program that made it.
    pub made_by: Option<String>,
    /// The key its manifest is signed with, `SHA256:…`, whether or not it is trusted; nothing where it is not signed.
    pub signed_by: Option<String>,
    /// Short names of the keys it is encrypted to.
    pub recipients: Vec<String>,
    /// What is known to be left out.
    pub warnings: Vec<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Its pin; a pinned backup is never removed.
    #[serde(default)]
    pub pin: Option<Pin>,
}

impl Listed {
    /// Returns a backup of which nothing is known but its name.
    pub(crate) fn named(id: BackupId) -> Self {
        Self {
            moment: id.moment(),
            id,
            state: State::Unproven,
            problem: None,
            proven: None,
            drilled: None,
            doubted: None,
            part: None,
            database: None,
            system_identifier: None,
            rows: None,
            tables: None,
            large_objects: None,
            stored_bytes: None,
            database_bytes: None,
            seconds: None,
            layout: None,
            server_version: None,
            made_by: None,
            signed_by: None,
            recipients: Vec::new(),
            warnings: Vec::new(),
            tags: Vec::new(),
            pin: None,
        }
    }

    /// Whether it holds all that is wanted of its database: everything, or `part`, where the configuration asks for no more. One
    /// that cannot be read may have been whole.
    pub fn is_whole(&self, part: Option<&str>) -> bool {
        self.part.is_none() || self.part.as_deref() == part
    }
}

/// Returns the backups in `store`, the newest first; `now` tells how fresh a backup is, `trust` whose proofs count.
///
/// # Errors
/// [`OpsError`] when the store cannot be listed. A damaged backup is listed as such.
pub fn list(store: &dyn Store, trust: &Trust, now: DateTime<Utc>) -> Result<Vec<Listed>, OpsError> {
    let memory = store.memory();
    let mut known = memory.as_deref().map(index::read).unwrap_or_default();
    let settled = SystemTime::from(now).checked_sub(TICK).unwrap_or(SystemTime::UNIX_EPOCH);
    let before = known.len();
    let (mut all, mut keep, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for version in store.versions()? {
        match known.remove(&version.id).filter(|entry| entry.mark == version.mark) {
            Some(entry) if version.changed < settled => keep.push(entry),
            Some(entry) => all.push(entry),
            None => unknown.push(version),
        }
    }
    let mut fresh = false;
    for (changed, entry) in at_once::each(unknown, |version| Ok((version.changed, look(store, version)?)))? {
        if changed < settled {
            keep.push(entry);
            fresh = true;
        } else {
            all.push(entry);
        }
    }
    if let Some(memory) = memory.filter(|_| fresh || before != keep.len()) {
        // where it cannot be kept, it is read again the next time
        let _ = index::write(&memory, &keep);
    }
    all.append(&mut keep);
    let mut all: Vec<Listed> = all.into_iter().map(|entry| entry.judged(trust)).collect();
    all.sort_by(|a, b| b.moment.cmp(&a.moment).then_with(|| b.id.cmp(&a.id)));
    Ok(all)
}

/// Reads what there is to know of one backup.
fn look(store: &dyn Store, version: Version) -> Result<Entry, OpsError> {
    let Version { id, mark, .. } = version;
    let pin = Pin::read(store, &id)?;
    let bad = |error: OpsError, mark| Entry {
        mark,
        backup: Listed { pin: pin.clone(), ..unreadable(&id, &error) },
        drills: Vec::new(),
    };
    let (manifest, json, signature) = match OpenBackup::judged(store, &id, &Trust::default()) {
        Ok(read) => read,
        Err(error) => return Ok(bad(error, mark)),
    };
    if let Some(problem) = signature.problem() {
        return Ok(bad(OpsError::Corrupt(format!("{}: {problem}", signature_name(MANIFEST))), mark));
    }
    let drills = worth::drills(store, &id, &sha256(&json))?;
    let signed_by = signature.key().map(str::to_owned);
    Ok(Entry { mark, backup: Listed { pin, signed_by, ..summary(manifest) }, drills })
}

fn unreadable(id: &BackupId, error: &OpsError) -> Listed {
    let newer = matches!(error, OpsError::NewerFormat { .. });
    Listed {
        state: if newer { State::Newer } else { State::Damaged },
        problem: Some(drill::chain(error)),
        ..Listed::named(id.clone())
    }
}

fn summary(manifest: Manifest) -> Listed {
    Listed {
        part: manifest.part(),
        moment: manifest.moment,
        rows: Some(manifest.rows()),
        tables: Some(manifest.tables.len() as u64),
        large_objects: Some(manifest.large_objects.objects),
        stored_bytes: Some(manifest.stored_bytes()),
        database_bytes: Some(manifest.database_bytes),
        seconds: Some(manifest.seconds),
        layout: Some(manifest.layout),
        database: Some(manifest.database),
        system_identifier: Some(manifest.system_identifier),
        server_version: Some(manifest.server_version),
        made_by: Some(manifest.made_by),
        recipients: manifest.recipients,
        warnings: manifest.warnings,
        tags: manifest.tags,
        ..Listed::named(manifest.id)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::backup::{FORMAT, LargeObjects, Selected};
    use crate::drill::{DrillRecord, Outcome};
    use crate::evidence::SigningKey;
    use crate::keys::ProvedKeys;
    use crate::store::{DirectoryStore, MANIFEST};

    const INDEX: &str = ".index.json";

    /// A moment at which everything a test has written is settled.
    fn later() -> DateTime<Utc> {
        Utc::now() + chrono::TimeDelta::minutes(1)
    }

    fn manifest(id: &str) -> Manifest {
        let id = BackupId::parse(id).unwrap();
        Manifest {
            format: FORMAT,
            database: id.database_slug().to_owned(),
            system_identifier: "1".into(),
            moment: id.moment(),
            lsn: "0/0".into(),
            seconds: 1.5,
            layout: Layout::Parallel,
            made_by: "a test".into(),
            server_version: "15".into(),
            pg_dump_version: "15.1".into(),
            database_bytes: 7,
            copy_encoding: "UTF8".into(),
            recipients: vec!["k".into()],
            selection: None,
            standby: false,
            signed_by: None,
            passphrase: None,
            rekeyed: None,
            tables: Vec::new(),
            large_objects: LargeObjects::default(),
            warnings: Vec::new(),
            tags: Vec::new(),
            files: Vec::new(),
            id,
        }
    }

    /// A store with these backups.
    fn store(ids: &[&str]) -> (tempfile::TempDir, DirectoryStore) {
        let directory = tempfile::tempdir().unwrap();
        let store = DirectoryStore::new(directory.path());
        for id in ids {
            let manifest = manifest(id);
            store.begin(&manifest.id).unwrap().commit(&manifest.to_json().unwrap()).unwrap();
        }
        (directory, store)
    }

    fn record(store: &DirectoryStore, id: &BackupId, outcome: Outcome, started: &str) -> DrillRecord {
        DrillRecord {
            format: DrillRecord::FORMAT,
            outcome,
            backup: id.clone(),
            manifest_sha256: OpenBackup::manifest(store, id).unwrap().1,
            started: started.parse().unwrap(),
            differences: Vec::new(),
            compared: drill::Compared::default(),
            not_compared: Vec::new(),
            restore_seconds: 1.0,
            verify_seconds: 1.0,
            rpo_seconds: 1,
            keys: ProvedKeys::default(),
            jobs: 1,
            server_version: "15".into(),
            made_by: "a test".into(),
            rto: None,
            signed_by: None,
        }
    }

    fn shown(store: &DirectoryStore) -> Vec<(String, State)> {
        let all = list(store, &Trust::default(), later()).unwrap();
        // what the test changes next must fall into another tick of the file system's clock
        std::thread::sleep(Duration::from_millis(20));
        all.into_iter().map(|backup| (backup.id.to_string(), backup.state)).collect()
    }

    const OLD: &str = "app_20261120T020000Z_0001";
    const NEW: &str = "app_20261121T020000Z_0002";

    #[test]
    fn the_newest_comes_first_and_what_is_not_complete_not_at_all() {
        let (directory, store) = store(&[OLD, NEW]);
        fs::create_dir(directory.path().join(".partial-app_20261122T020000Z_0003")).unwrap();
        fs::create_dir(directory.path().join("lost+found")).unwrap();
        let expected = [(NEW.to_owned(), State::Unproven), (OLD.to_owned(), State::Unproven)];
        assert_eq!(shown(&store), expected);
        assert_eq!(shown(&store), expected, "from the index");
    }

    #[test]
    fn a_drill_written_beside_a_backup_shows_at_once() {
        let (_directory, store) = store(&[OLD]);
        let id = BackupId::parse(OLD).unwrap();
        assert_eq!(shown(&store)[0].1, State::Unproven);
        record(&store, &id, Outcome::Proven, "2026-11-22T00:00:00Z").write(&store, None).unwrap();
        assert_eq!(shown(&store)[0].1, State::Proven);
        record(&store, &id, Outcome::Failed, "2026-11-23T00:00:00Z").write(&store, None).unwrap();
        assert_eq!(shown(&store)[0].1, State::Failed);
        record(&store, &id, Outcome::Proven, "2026-11-24T00:00:00Z").write(&store, None).unwrap();
        let backup = list(&store, &Trust::default(), later()).unwrap().remove(0);
        assert_eq!((backup.state, backup.proven), (State::Proven, backup.drilled));
    }

    #[test]
    fn a_proof_of_another_manifest_proves_nothing() {
        let (_directory, store) = store(&[OLD]);
        let id = BackupId::parse(OLD).unwrap();
        let mut record = record(&store, &id, Outcome::Proven, "2026-11-22T00:00:00Z");
        record.manifest_sha256 = "0".repeat(64);
        record.write(&store, None).unwrap();
        assert_eq!(shown(&store)[0].1, State::Unproven);
    }

    #[test]
    fn a_damaged_manifest_does_not_hide_the_others() {
        let (_directory, store) = store(&[OLD, NEW]);
        let path = store.path(&BackupId::parse(NEW).unwrap()).join(MANIFEST);
        fs::write(&path, b"{").unwrap();
        assert_eq!(shown(&store), [(NEW.to_owned(), State::Damaged), (OLD.to_owned(), State::Unproven)]);
        fs::remove_file(&path).unwrap();
        assert_eq!(shown(&store)[0].1, State::Damaged);
        fs::write(&path, b"{\"format\": 99}").unwrap();
        let newer = list(&store, &Trust::default(), later()).unwrap().remove(0);
        assert_eq!(newer.state, State::Newer);
        assert!(newer.problem.unwrap().contains("format 99"));
    }

    #[test]
    fn an_index_is_used_when_it_fits_and_made_anew_when_it_does_not() {
        let (directory, store) = store(&[OLD, NEW]);
        let index = directory.path().join(INDEX);
        let expected = shown(&store);
        let written = fs::read_to_string(&index).unwrap();
        // what the index says of an unchanged directory is believed, which shows that it is used
        fs::write(&index, written.replace("a test", "the index")).unwrap();
        let listed = list(&store, &Trust::default(), later()).unwrap();
        assert!(listed.iter().all(|backup| backup.made_by.as_deref() == Some("the index")));
        for damaged in ["", "{", "[]", "{\"format\":1,\"entries\":[]}", &written[..written.len() / 2]] {
            fs::write(&index, damaged).unwrap();
            assert_eq!(shown(&store), expected, "{damaged:.20}");
            assert_eq!(fs::read_to_string(&index).unwrap().len(), written.len());
        }
        fs::remove_dir_all(store.path(&BackupId::parse(OLD).unwrap())).unwrap();
        assert_eq!(shown(&store), expected[..1]);
        assert!(!fs::read_to_string(&index).unwrap().contains(OLD), "the removed one is forgotten");
    }

    #[test]
    fn a_store_whose_index_cannot_be_written_is_listed() {
        let (directory, store) = store(&[OLD]);
        fs::create_dir_all(directory.path().join(INDEX).join("in the way")).unwrap();
        assert_eq!(shown(&store).len(), 1);
        assert_eq!(list(&DirectoryStore::new("/nonexistent"), &Trust::default(), later()).unwrap(), []);
    }

    #[test]
    fn what_may_still_change_is_not_kept() {
        let (directory, store) = store(&[OLD]);
        list(&store, &Trust::default(), Utc::now()).unwrap();
        assert!(!directory.path().join(INDEX).exists());
    }

    #[test]
    fn whose_proofs_count_is_asked_anew_each_time() {
        let (_directory, store) = store(&[OLD]);
        let id = BackupId::parse(OLD).unwrap();
        let (mine, other) = (SigningKey::generate("mine").unwrap(), SigningKey::generate("other").unwrap());
        let mut proof = record(&store, &id, Outcome::Proven, "2026-11-22T00:00:00Z");
        proof.write(&store, Some(&mine)).unwrap();
        let state = |keys: &[&SigningKey]| {
            let trust = Trust::new(keys.iter().map(|key| key.public().clone()).collect(), false);
            let backup = list(&store, &trust, later()).unwrap().remove(0);
            (backup.state, backup.doubted.is_some())
        };
        for _ in 0..2 {
            assert_eq!(state(&[]), (State::Proven, false));
            assert_eq!(state(&[&other]), (State::Unproven, true), "by a key nobody knows");
            assert_eq!(state(&[&other, &mine]), (State::Proven, false));
        }
    }

    #[test]
    fn a_part_is_told_from_the_whole_also_from_the_index() {
        let (_directory, store) = store(&[OLD]);
        let selection = Some(Selected { schemas: vec!["app".into()], ..Selected::default() });
        let part = Manifest { selection, ..manifest(NEW) };
        store.begin(&part.id).unwrap().commit(&part.to_json().unwrap()).unwrap();
        for _ in 0..2 {
            let listed = list(&store, &Trust::default(), later()).unwrap();
            let parts: Vec<_> = listed.iter().map(|backup| backup.part.as_deref()).collect();
            assert_eq!(parts, [Some("schemas app"), None]);
            assert!(!listed[0].is_whole(None) && !listed[0].is_whole(Some("schema only")));
            assert!(listed[0].is_whole(Some("schemas app")) && listed[1].is_whole(Some("schemas app")));
        }
    }
}

//! What is listed, from the store and from the index.

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

//! Retention on real directories: what is read, what is removed, and what an interruption leaves.

use std::fs;
use std::path::Path;

use super::*;
use crate::backup::{self, FORMAT, LargeObjects, Layout, Manifest, ManifestTable, Tag};
use crate::drill::{Compared, DrillRecord, Outcome};
use crate::evidence::{SigningKey, Trust};
use crate::restore::OpenBackup;
use crate::store::{DirectoryStore, Store};

/// A store with small but sound backups.
pub(super) struct Shelf {
    pub(super) store: DirectoryStore,
    directory: tempfile::TempDir,
}

impl Shelf {
    pub(super) fn new() -> Self {
        // ten years of syncs: in memory, where there is such a place
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let directory = directory.unwrap();
        Self { store: DirectoryStore::new(directory.path().join("store")), directory }
    }

    /// Makes a backup of a table with so many rows.
    pub(super) fn back_up(
        &self,
        database: &str,
        moment: DateTime<Utc>,
        number: usize,
        rows: u64,
    ) -> BackupId {
        let id = id(database, moment, number);
        let file = |name: &str, bytes| crate::seal::StoredFile {
            name: name.into(),
            bytes,
            sha256: "0".repeat(64),
            content_bytes: bytes,
        };
        let tables = vec![ManifestTable {
            schema: "app".into(),
            name: "students".into(),
            rows,
            without_rows: false,
            bytes: rows,
            files: Vec::new(),
        }];
        let manifest = Manifest {
            format: FORMAT,
            id: id.clone(),
            database: database.into(),
            system_identifier: "1".into(),
            moment,
            lsn: "0/0".into(),
            seconds: 1.0,
            layout: Layout::Single,
            made_by: "a test".into(),
            server_version: "15".into(),
            pg_dump_version: "15.1".into(),
            database_bytes: rows,
            copy_encoding: "UTF8".into(),
            recipients: vec!["k".into()],
            selection: None,
            standby: false,
            tables,
            large_objects: LargeObjects::default(),
            passphrase: None,
            rekeyed: None,
            signed_by: None,
            warnings: Vec::new(),
            tags: Vec::new(),
            files: vec![file("database.dump.zst.age", 4)],
        };
        self.keep(&manifest);
        id
    }

    fn keep(&self, manifest: &Manifest) {
        let draft = self.store.begin(&manifest.id).unwrap();
        draft.write("database.dump.zst.age", b"data").unwrap();
        draft.commit(&manifest.to_json().unwrap()).unwrap();
    }

    pub(super) fn drill(&self, id: &BackupId, outcome: Outcome, started: DateTime<Utc>) {
        self.drill_signed(id, outcome, started, None);
    }

    pub(super) fn drill_signed(
        &self,
        id: &BackupId,
        outcome: Outcome,
        started: DateTime<Utc>,
        key: Option<&SigningKey>,
    ) {
        let mut record = DrillRecord {
            format: DrillRecord::FORMAT,
            outcome,
            backup: id.clone(),
            manifest_sha256: OpenBackup::manifest(&self.store, id).unwrap().1,
            started,
            differences: Vec::new(),
            compared: Compared::default(),
            not_compared: Vec::new(),
            restore_seconds: 1.0,
            verify_seconds: 1.0,
            rpo_seconds: 1,
            jobs: 1,
            server_version: "15".into(),
            made_by: "a test".into(),
            keys: Default::default(),
            rto: None,
            signed_by: None,
        };
        record.write(&self.store, key).unwrap();
    }

    pub(super) fn plan(&self, database: &str, rules: &Rules, asked: &Asked) -> GroupPlan {
        let mut found = read(&self.store, &BackupId::slug(database), &Trust::default()).unwrap();
        assert_eq!(found.groups.len(), 1);
        found.groups[0].look_at_newest(&self.store, asked.now);
        judge(&found.groups[0], &found.unreadable, rules, asked)
    }

    pub(super) fn prune(&self, database: &str, rules: &Rules, asked: &Asked) -> Vec<Removal> {
        let lock = self.store.lock(database).unwrap();
        remove(&self.store, &lock, &self.plan(database, rules, asked), None, asked.now).unwrap()
    }

    pub(super) fn ids(&self) -> Vec<BackupId> {
        let mut ids = self.store.ids().unwrap();
        ids.sort();
        ids
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path().join("store")).unwrap().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| !name.starts_with(".lock-") && name != ".holds" && name != "history");
        names.sort();
        names
    }
}

pub(super) fn last(count: u32) -> Rules {
    lenient(Policy { last: Count::Newest(count), ..Policy::default() })
}

pub(super) const NOW: &str = "2026-11-21 12:00";

/// Makes a backup of `app` for each of the last so many days, the newest last.
pub(super) fn days(shelf: &Shelf, count: usize) -> Vec<BackupId> {
    let day = |back| at("2026-11-21 02:00") - chrono::TimeDelta::days(i64::try_from(back).unwrap());
    (0..count).rev().map(|back| shelf.back_up("app", day(back), back, 100)).collect()
}

#[test]
fn what_no_rule_keeps_is_removed_the_oldest_first_and_the_rest_is_whole() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 5);
    shelf.drill(&ids[1], Outcome::Proven, at(NOW));
    shelf.drill(&ids[2], Outcome::Proven, at(NOW));
    shelf.drill(&ids[2], Outcome::Failed, at("2026-11-21 12:01"));
    Pin::new(at(NOW), Some("before the move".into())).write(&shelf.store, &ids[0]).unwrap();
    let removals = shelf.prune("app", &last(1), &asked(at(NOW)));
    let gone: Vec<&BackupId> = removals.iter().map(|removal| &removal.id).collect();
    assert_eq!(gone, [&ids[3]], "pinned, proven and failed in a drill, the newest");
    assert!(Pin::remove(&shelf.store, &ids[0]).unwrap());
    assert!(!Pin::remove(&shelf.store, &ids[0]).unwrap());
    assert_eq!(shelf.prune("app", &last(1), &asked(at(NOW))).len(), 1);
    assert_eq!(shelf.names(), [&ids[1], &ids[2], &ids[4]].map(ToString::to_string));
    assert!(shelf.prune("app", &last(1), &asked(at(NOW))).is_empty());
}

#[test]
fn backups_of_a_part_do_not_push_out_those_of_the_whole() {
    let shelf = Shelf::new();
    let whole = shelf.back_up("app", at("2026-11-01 02:00"), 1, 10);
    for hour in 3..9 {
        let moment = at(&format!("2026-11-01 0{hour}:00"));
        let id = shelf.back_up("app", moment, hour, 0);
        let (manifest, _) = OpenBackup::manifest(&shelf.store, &id).unwrap();
        let selection = crate::backup::Selected { schemas: vec!["app".into()], ..Default::default() };
        shelf.store.remove(&id).unwrap();
        shelf.keep(&Manifest { selection: Some(selection), ..manifest });
    }
    let found = read(&shelf.store, "app", &Trust::default()).unwrap();
    let parts: Vec<_> =
        found.groups.iter().map(|group| (group.part.as_deref(), group.backups.len())).collect();
    assert_eq!(parts, [(None, 1), (Some("schemas app"), 6)]);
    let removed = |group: &Group| {
        let plan = judge(group, &[], &last(1), &asked(at("2026-11-01 10:00")));
        plan.removals().map(|line| line.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(removed(&found.groups[0]), []);
    assert_eq!(removed(&found.groups[1]).len(), 5);
    assert!(!removed(&found.groups[1]).contains(&whole));
}

#[test]
fn the_floor_of_proven_backups_stands_on_proofs_of_trusted_keys() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 4);
    let (mine, stranger) = (SigningKey::generate("mine").unwrap(), SigningKey::generate("x").unwrap());
    shelf.drill_signed(&ids[0], Outcome::Proven, at(NOW), Some(&mine));
    shelf.drill_signed(&ids[1], Outcome::Proven, at(NOW), Some(&stranger));
    shelf.drill_signed(&ids[2], Outcome::Proven, at(NOW), None);
    let removed = |trust: &Trust| -> Vec<BackupId> {
        let found = read(&shelf.store, "app", trust).unwrap();
        let rules = Rules { keep_proven: std::num::NonZeroU32::new(1).unwrap(), ..last(1) };
        judge(&found.groups[0], &[], &rules, &asked(at(NOW))).removals().map(|line| line.id.clone()).collect()
    };
    let trust = Trust::new(vec![mine.public().clone()], false);
    assert_eq!(removed(&trust), ids[1..3], "the one that is proven stays, though two claim to be newer");
    assert_eq!(removed(&Trust::default()), ids[..2], "without trusted keys each proof counts");
}

#[test]
fn a_proof_of_other_bytes_is_none() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 3);
    shelf.drill(&ids[0], Outcome::Proven, at(NOW));
    let path = shelf.store.path(&ids[0]).join("manifest.json");
    let changed = fs::read_to_string(&path).unwrap().replace("\"lsn\": \"0/0\"", "\"lsn\": \"0/1\"");
    fs::write(&path, changed).unwrap();
    let rules = Rules { max_proof_age: Some(chrono::TimeDelta::days(9)), ..last(1) };
    assert!(shelf.plan("app", &rules, &asked(at(NOW))).is_held());
    assert_eq!(shelf.prune("app", &last(1), &asked(at(NOW))).len(), 2);
}

#[test]
fn a_removal_that_was_killed_is_finished_by_the_next_run_of_that_database() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 3);
    let other = shelf.back_up("app-prod", at(NOW), 9, 1);
    let root = shelf.store.root().to_owned();
    // killed between the rename and the end of the deletion, of two databases
    for id in [&ids[0], &other] {
        fs::rename(shelf.store.path(id), root.join(format!(".partial-{id}"))).unwrap();
    }
    fs::remove_file(root.join(format!(".partial-{}/manifest.json", ids[0]))).unwrap();
    assert_eq!(shelf.ids(), ids[1..], "it is not listed any more");
    // killed between two backups: the plan of the next run is the rest of the first one
    assert_eq!(shelf.prune("app", &last(1), &asked(at(NOW))).len(), 1);
    assert_eq!(shelf.names(), [format!(".partial-{other}"), ids[2].to_string()]);
    drop(shelf.store.lock("app-prod").unwrap());
    assert_eq!(shelf.names(), [ids[2].to_string()]);
}

#[test]
fn one_that_cannot_be_removed_does_not_stop_the_others() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 4);
    // something is in the way of its rename
    let obstacle = shelf.store.root().join(format!(".partial-{}", ids[0]));
    let lock = shelf.store.lock("app").unwrap();
    fs::create_dir_all(obstacle.join("in the way")).unwrap();
    let plan = shelf.plan("app", &last(1), &asked(at(NOW)));
    let fates = remove(&shelf.store, &lock, &plan, None, at(NOW)).unwrap();
    assert!(
        matches!(&fates[0].fate, Fate::Failed { problem } if problem.contains(ids[0].as_str())),
        "{fates:?}"
    );
    assert!(fates[1..].iter().all(|removal| removal.fate == Fate::Removed));
    assert_eq!(shelf.ids(), [ids[0].clone(), ids[3].clone()]);
    drop(lock);
    assert_eq!(shelf.prune("app", &last(1), &asked(at(NOW))).len(), 1, "the next run has no obstacle");
}

#[test]
fn what_was_pinned_since_the_plan_stays_and_so_does_what_nobody_agreed_to() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 4);
    let plan = shelf.plan("app", &last(1), &asked(at(NOW)));
    Pin::new(at(NOW), None).write(&shelf.store, &ids[0]).unwrap();
    let lock = shelf.store.lock("app").unwrap();
    let agreed = [ids[0].clone(), ids[1].clone()].into();
    let fates = remove(&shelf.store, &lock, &plan, Some(&agreed), at(NOW)).unwrap();
    let fates: Vec<&Fate> = fates.iter().map(|removal| &removal.fate).collect();
    assert_eq!(fates, [&Fate::Pinned, &Fate::Removed]);
    assert_eq!(shelf.ids(), [ids[0].clone(), ids[2].clone(), ids[3].clone()]);
}

#[test]
fn a_pin_that_has_lapsed_keeps_nothing_unless_it_was_set_anew() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 3);
    shelf.drill(&ids[2], Outcome::Proven, at(NOW));
    let pin = Pin::new(at(NOW), Some("before a migration".into())).until_proven();
    ids[..2].iter().for_each(|id| pin.write(&shelf.store, id).unwrap());
    let lock = shelf.store.lock("app").unwrap();
    let plan = shelf.plan("app", &last(1), &asked(at(NOW)));
    Pin::new(at(NOW), None).write(&shelf.store, &ids[0]).unwrap();
    let fates = remove(&shelf.store, &lock, &plan, None, at(NOW)).unwrap();
    let fates: Vec<&Fate> = fates.iter().map(|removal| &removal.fate).collect();
    assert_eq!(fates, [&Fate::Pinned, &Fate::Removed]);
}

#[test]
fn one_that_a_drill_reads_stays_until_it_is_done() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 3);
    let hold = shelf.store.hold(&ids[0]).unwrap();
    let removals = shelf.prune("app", &last(1), &asked(at(NOW)));
    let fates: Vec<&Fate> = removals.iter().map(|removal| &removal.fate).collect();
    assert_eq!(fates, [&Fate::InUse, &Fate::Removed]);
    drop(hold);
    assert_eq!(shelf.prune("app", &last(1), &asked(at(NOW))).len(), 1);
    assert_eq!(shelf.ids(), ids[2..]);
}

#[test]
fn what_cannot_be_read_is_told_and_left_alone() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 6);
    let manifest = |id: &BackupId| shelf.store.path(id).join("manifest.json");
    fs::write(manifest(&ids[0]), "{").unwrap();
    fs::remove_file(manifest(&ids[1])).unwrap();
    fs::write(manifest(&ids[2]), "{\"format\": 99}").unwrap();
    // a manifest whose moment was changed would be counted as another day's
    let changed = fs::read_to_string(manifest(&ids[3])).unwrap().replace("2026-11-19T", "2020-11-19T");
    fs::write(manifest(&ids[3]), changed).unwrap();
    let found = read(&shelf.store, "app", &Trust::default()).unwrap();
    let states: Vec<State> = found.unreadable.iter().map(|bad| bad.state).collect();
    assert_eq!(states, [State::Damaged, State::Damaged, State::Newer, State::Damaged]);
    assert_eq!(shelf.prune("app", &last(1), &asked(at(NOW))).len(), 1);
    assert_eq!(shelf.ids(), [&ids[..4], &ids[5..]].concat());
}

#[test]
fn a_damaged_pin_still_pins_and_a_damaged_judgement_is_made_again() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 2);
    let newest = shelf.back_up("app", at(NOW), 9, 1);
    fs::write(shelf.store.path(&ids[0]).join("pin.json"), "{").unwrap();
    let rules = Rules { max_shrink: Some("50%".parse().unwrap()), ..last(1) };
    let holds = |rules: &Rules| shelf.plan("app", rules, &asked(at(NOW))).holds.len();
    assert_eq!(holds(&rules), 1);
    assert!(shelf.prune("app", &rules, &asked(at(NOW))).is_empty());
    let judged = shelf.store.path(&newest).join("counts-judged.json");
    assert!(fs::read_to_string(&judged).unwrap().contains("\"shrunk\""));
    assert_eq!(holds(&rules), 1, "it is remembered");
    fs::write(&judged, "").unwrap();
    assert_eq!(holds(&rules), 1, "it is found again");
    let accept = Asked { even_though: vec![HoldKind::Shrunk], ..asked(at(NOW)) };
    assert_eq!(shelf.prune("app", &rules, &accept).len(), 1);
    assert_eq!(shelf.ids(), [ids[0].clone(), newest]);
    assert_eq!(holds(&rules), 0);
}

#[test]
fn a_newest_without_its_files_holds() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 3);
    fs::remove_file(shelf.store.path(&ids[2]).join("database.dump.zst.age")).unwrap();
    let plan = shelf.plan("app", &last(1), &asked(at(NOW)));
    assert!(matches!(&plan.holds[..], [Hold::Incomplete { id, .. }] if *id == ids[2]), "{:?}", plan.holds);
}

#[test]
fn pins_and_tags_are_listed_and_no_strangers() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 1);
    let tag: Tag = "audit".parse().unwrap();
    let (manifest, _) = OpenBackup::manifest(&shelf.store, &ids[0]).unwrap();
    let tagged = Manifest { tags: vec![tag.clone()], ..manifest };
    fs::write(shelf.store.path(&ids[0]).join("manifest.json"), tagged.to_json().unwrap()).unwrap();
    Pin::new(at(NOW), Some("audit of 2026".into())).write(&shelf.store, &ids[0]).unwrap();
    let listed = backup::list(&shelf.store, &Trust::default(), Utc::now()).unwrap().remove(0);
    assert_eq!(listed.tags, [tag]);
    assert_eq!(listed.pin.unwrap().reason.as_deref(), Some("audit of 2026"));
    assert!(is_beside("pin.json") && is_beside("counts-judged.json") && !is_beside("pin.json.x"));
}

#[test]
fn a_copy_is_proven_by_the_first_store_when_its_manifest_is_the_same_and_its_own_drills_did_not_fail() {
    let (first, copy) = (Shelf::new(), Shelf::new());
    let state = |copy: &Shelf| {
        let firsts = [first.store.shared()];
        read_copy(&copy.store, "app", &Trust::default(), &firsts).unwrap().groups[0].backups[0].state
    };
    let day = |day: u32| at(&format!("2026-11-{day:02} 02:00"));
    let id = first.back_up("app", day(1), 1, 500);
    assert_eq!(copy.back_up("app", day(1), 1, 500), id);
    assert_eq!(state(&copy), State::Unproven);
    first.drill(&id, Outcome::Proven, day(3));
    assert_eq!(state(&copy), State::Proven);
    Pin::new(day(3), Some("audit".into())).write(&first.store, &id).unwrap();
    let found = read_copy(&copy.store, "app", &Trust::default(), &[first.store.shared()]).unwrap();
    assert!(found.groups[0].backups[0].pin.is_some());
    // a drill of the copy, before that of the other
    copy.drill(&id, Outcome::Failed, day(2));
    assert_eq!(state(&copy), State::Failed);

    let changed = Shelf::new();
    changed.back_up("app", day(1), 1, 499);
    assert_eq!(state(&changed), State::Unproven, "the proof is of other bytes");
}

//! Drills outlive their backups.

use std::fs;

use super::directories::{NOW, Shelf, days, last};
use super::*;
use crate::drill::{self, Outcome};
use crate::evidence::{self, History, SigningKey, Trust};
use crate::store::{DirectoryStore, Store};

fn history(store: &DirectoryStore) -> History {
    let mut history = evidence::history(store, Some("app")).unwrap();
    history.drills.sort_by_key(|kept| (kept.backup.clone(), kept.file.clone()));
    history
}

fn kept(store: &DirectoryStore) -> Vec<BackupId> {
    history(store).drills.into_iter().map(|kept| kept.backup).collect()
}

#[test]
fn a_pruned_backup_leaves_its_signed_drills_and_what_its_manifest_said() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 4);
    let (mine, stranger) = (SigningKey::generate("mine").unwrap(), SigningKey::generate("x").unwrap());
    shelf.drill_signed(&ids[0], Outcome::Proven, at("2026-11-18 04:00"), Some(&mine));
    let record = drill::list(&shelf.store, &ids[0]).unwrap().remove(0);
    for day in ["2026-11-20 04:00", "2026-11-20 05:00"] {
        shelf.drill_signed(&ids[2], Outcome::Proven, at(day), None);
    }
    shelf.drill(&ids[3], Outcome::Proven, at("2026-11-21 04:00"));
    let plan = shelf.plan("app", &last(1), &asked(at(NOW)));
    assert_eq!(plan.removals().count(), 2);
    assert!(kept(&shelf.store).is_empty(), "a plan keeps nothing");
    shelf.prune("app", &last(1), &asked(at(NOW)));
    assert_eq!(shelf.ids(), ids[2..]);
    let history = history(&shelf.store);
    let [kept] = &history.drills[..] else { panic!("{history:?}") };
    assert_eq!((kept.record(), &kept.backup, kept.kept), (Some(record), &ids[0], at(NOW)));
    assert_eq!(kept.manifest.as_ref().map(|manifest| manifest.rows), Some(100));
    let worth = |key: &SigningKey| kept.exhibit(&Trust::new(vec![key.public().clone()], false)).evidence;
    assert!(worth(&mine).proves(), "{:?}", worth(&mine).problems);
    assert!(!worth(&stranger).holds() && !kept.exhibit(&Trust::default()).evidence.holds());
    // one byte of the record, or its signature gone
    let changed =
        evidence::Kept { record: kept.record.replace("\"jobs\": 1", "\"jobs\": 2"), ..kept.clone() };
    assert_ne!(changed.record, kept.record);
    let bare = evidence::Kept { signature: None, ..kept.clone() };
    for forged in [changed, bare] {
        assert!(!forged.exhibit(&Trust::new(vec![mine.public().clone()], false)).evidence.holds());
        assert_eq!(forged.record(), None);
    }
}

#[test]
fn a_removal_that_was_killed_keeps_each_drill_once() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 2);
    shelf.drill(&ids[0], Outcome::Failed, at("2026-11-20 04:00"));
    shelf.drill(&ids[0], Outcome::Proven, at("2026-11-20 05:00"));
    shelf.drill(&ids[1], Outcome::Proven, at("2026-11-21 05:00"));
    let rules = Rules { keep_proven: std::num::NonZeroU32::new(1).unwrap(), ..last(1) };
    // somebody reads it: its drills are kept, and it is not removed
    let hold = shelf.store.hold(&ids[0]).unwrap();
    assert_eq!(shelf.prune("app", &rules, &asked(at(NOW)))[0].fate, Fate::InUse);
    drop(hold);
    let first = history(&shelf.store).drills;
    assert_eq!(first.len(), 2);
    // and one more is made before the next try
    shelf.drill(&ids[0], Outcome::Proven, at("2026-11-21 06:00"));
    shelf.prune("app", &rules, &asked(at("2026-12-02 12:00")));
    assert_eq!(shelf.ids(), ids[1..]);
    let all = history(&shelf.store).drills;
    assert_eq!((all.len(), &all[..2]), (3, &first[..]), "what was kept stays as it was");
}

#[test]
fn ten_years_of_nightly_drills_are_a_file_a_month() {
    let shelf = Shelf::new();
    let mut day = at("2026-01-01 02:00");
    let end = at("2036-01-01 02:00");
    let mut nights = 0;
    let only = Rules { keep_proven: std::num::NonZeroU32::new(1).unwrap(), ..last(1) };
    while day < end {
        let id = shelf.back_up("app", day, nights, 10);
        shelf.drill(&id, Outcome::Proven, day + chrono::TimeDelta::hours(1));
        shelf.prune("app", &only, &asked(day + chrono::TimeDelta::hours(2)));
        // a night in five will do: what counts is the months
        day += chrono::TimeDelta::days(5);
        nights += 1;
    }
    assert_eq!(shelf.ids().len(), 1);
    let names = shelf.store.kept("app/").unwrap();
    let months = names.iter().filter(|name| name.matches('/').count() == 1).count();
    assert_eq!((months, names.len() - months < 7), (119, true), "{names:?}");
    let kept = kept(&shelf.store);
    assert_eq!(kept.len(), nights - 1);
    assert!(kept.is_sorted_by(|a, b| a < b), "each once");
    let bytes: u64 = names
        .iter()
        .map(|name| fs::metadata(shelf.store.root().join("history").join(name)).unwrap().len())
        .sum();
    assert!(bytes < 4096 * nights as u64, "{bytes} bytes of {nights} drills");
}

#[test]
fn a_damaged_file_is_told_and_hides_no_other() {
    let shelf = Shelf::new();
    let ids = days(&shelf, 5);
    for id in &ids {
        shelf.drill(id, Outcome::Proven, id.moment());
    }
    let only = Rules { keep_proven: std::num::NonZeroU32::new(1).unwrap(), ..last(1) };
    shelf.prune("app", &only, &asked(at(NOW)));
    let root = shelf.store.root().join("history/app");
    let month = root.join("2026-11");
    let mut files: Vec<_> = fs::read_dir(&month).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    fs::write(&files[0], "{").unwrap();
    let whole = fs::read_to_string(&files[1]).unwrap();
    fs::write(&files[1], whole.replacen("\"format\":1", "\"format\":99", 1)).unwrap();
    let found = history(&shelf.store);
    assert_eq!((found.drills.len(), found.problems.len()), (2, 2), "{:?}", found.problems);
    assert!(found.problems[0].file.starts_with("history/app/2026-11/app_"), "{:?}", found.problems);
    // the month is closed all the same, and what is damaged stays where it is
    evidence::history::close_months(&shelf.store, "app", at("2026-12-01 00:00")).unwrap();
    assert_eq!(fs::read_dir(&month).unwrap().count(), 2);
    assert!(root.join("2026-11.json").exists());
    assert_eq!((history(&shelf.store).drills, history(&shelf.store).problems.len()), (found.drills, 2));
}

#[test]
fn another_store_gets_a_copy_of_it_and_closes_its_months() {
    let (shelf, copy) = (Shelf::new(), Shelf::new());
    let ids = days(&shelf, 4);
    for id in &ids[..3] {
        shelf.drill(id, Outcome::Proven, id.moment());
    }
    let only = Rules { keep_proven: std::num::NonZeroU32::new(1).unwrap(), ..last(1) };
    shelf.prune("app", &only, &asked(at(NOW)));
    let copied = || evidence::history::copy(&shelf.store, &copy.store, "app").unwrap();
    copied();
    copied();
    assert_eq!(kept(&copy.store), ids[..2]);
    evidence::history::close_months(&shelf.store, "app", at("2026-12-01 00:00")).unwrap();
    copied();
    assert_eq!(copy.store.kept("app/").unwrap(), ["app/2026-11.json"]);
    assert_eq!(history(&copy.store).drills, history(&shelf.store).drills);
}

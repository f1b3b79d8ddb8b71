//! Stored backups that were damaged, exchanged or lied about: never proven, always told.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use unisys_ops::OpsError;
use unisys_ops::backup::BackupId;
use unisys_ops::drill::{self, Outcome};
use unisys_ops::evidence::Trust;
use unisys_ops::keys::{Identities, KeyPair};
use unisys_ops::restore::OpenBackup;
use unisys_ops::store::DirectoryStore;

use crate::support::{Place, text};

const SOURCE: &str = "
create table one (id integer, filler text);
insert into one select g, repeat(md5(g::text), 30) from generate_series(1, 4000) g;
create table two (id integer, filler text);
insert into two select g, repeat(md5(g::text), 30) from generate_series(1, 3000) g;
create table small (id serial primary key, word text);
insert into small (word) values ('a'), ('b');";

/// A backup and a place to make damaged copies of it.
struct Damaged {
    place: Place,
    id: BackupId,
}

impl Damaged {
    async fn new() -> Self {
        let place = Place::new();
        let source = unisys_testkit::database_with(SOURCE).await;
        let id = place.backup(&source).await.manifest.id;
        Self { place, id }
    }

    /// Returns a store with a copy of the backup that `damage` was done to.
    fn copy(&self, damage: impl FnOnce(&Path)) -> DirectoryStore {
        let root = self.place.directory(&format!("copy-{}", unisys_ops::random::text(8)));
        let store = DirectoryStore::new(&root);
        copy_tree(&self.place.store.path(&self.id), &store.path(&self.id));
        damage(&store.path(&self.id));
        store
    }

    /// Returns the encrypted files; the plain RESTORE.txt is for `backup check`.
    fn files(&self) -> Vec<String> {
        let (manifest, _) = OpenBackup::manifest(&self.place.store, &self.id).unwrap();
        let names = manifest.files.into_iter().map(|file| file.name);
        names.filter(|name| name.ends_with(".age")).collect()
    }

    /// Opens the backup and reads all of it, as a check of its data does.
    fn read(&self, store: &DirectoryStore) -> Result<(), OpsError> {
        let backup = OpenBackup::open(store, &self.id, self.place.identities.clone(), &Trust::default())?;
        for file in backup.manifest.files.iter().filter(|file| file.name.ends_with(".age")) {
            backup.copy_to(&file.name, &mut |_| Ok(()))?;
        }
        Ok(())
    }

    /// Drills a damaged copy: it must fail, say so in a record and on the way leave nothing.
    async fn assert_fails(&self, store: &DirectoryStore, told: &str) {
        let record = drill::run(store, &self.id, &self.place.drill_options()).await.unwrap();
        assert_eq!(record.outcome, Outcome::Failed, "{told}");
        let found = record.differences.join("\n");
        assert!(found.contains(told), "{told}: {found}");
        let records = drill::list(store, &self.id).unwrap();
        assert!(records.iter().all(|record| record.outcome == Outcome::Failed) && !records.is_empty());
        self.place.assert_clean();
    }
}

pub(crate) fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn change(path: PathBuf, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(&path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

fn swap(directory: &Path, a: &str, b: &str) {
    std::fs::rename(directory.join(a), directory.join("kept")).unwrap();
    std::fs::rename(directory.join(b), directory.join(a)).unwrap();
    std::fs::rename(directory.join("kept"), directory.join(b)).unwrap();
}

fn lie(directory: &Path, lie: impl FnOnce(&mut Value)) {
    change(directory.join("manifest.json"), |bytes| {
        let mut manifest: Value = serde_json::from_slice(bytes).unwrap();
        lie(&mut manifest);
        *bytes = serde_json::to_vec(&manifest).unwrap();
    });
}

/// Positions all over a file: the header's version, recipient, MAC; the first chunk; between; the last byte.
fn positions(length: usize) -> Vec<usize> {
    let mut positions = vec![0, 5, 30, 100, 150, 200, 220, length / 3, length / 2, length - 17, length - 1];
    positions.retain(|position| *position < length);
    positions.dedup();
    positions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_or_a_cut_anywhere_in_any_file_is_found() {
    let damaged = Damaged::new().await;
    damaged.read(&damaged.place.store).unwrap();
    let files = damaged.files();
    assert_eq!(files.len(), 6, "{files:?}");
    for name in &files {
        let length =
            std::fs::metadata(damaged.place.store.path(&damaged.id).join(name)).unwrap().len() as usize;
        for at in positions(length) {
            let flipped = damaged.copy(|dir| change(dir.join(name), |bytes| bytes[at] ^= 1));
            let cut = damaged.copy(|dir| change(dir.join(name), |bytes| bytes.truncate(at)));
            let longer = damaged.copy(|dir| change(dir.join(name), |bytes| bytes.insert(at, 7)));
            for store in [flipped, cut, longer] {
                let error = damaged.read(&store).expect_err(&format!("{name} at {at} of {length}"));
                assert!(error.blames_the_backup() && text(&error).contains(name), "{}", text(&error));
                std::fs::remove_dir_all(store.root()).unwrap();
            }
        }
        let gone = damaged.copy(|dir| std::fs::remove_file(dir.join(name)).unwrap());
        assert!(text(&damaged.read(&gone).unwrap_err()).contains("it is missing"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_missing_or_exchanged_file_makes_the_drill_fail() {
    let damaged = Damaged::new().await;
    // what the reading above finds, a drill finds too: in what is read at once, in what is staged, in what is streamed
    for name in
        ["facts.json.zst.age", "globals.sql.zst.age", "database.dump.zst.age", "data/0001.copy.zst.age"]
    {
        let last = damaged.copy(|dir| {
            change(dir.join(name), |bytes| {
                let last = bytes.len() - 1;
                bytes[last] ^= 0x80;
            });
        });
        damaged.assert_fails(&last, name).await;
    }
    let gone = damaged.copy(|dir| std::fs::remove_file(dir.join("data/0002.copy.zst.age")).unwrap());
    damaged.assert_fails(&gone, "data/0002.copy.zst.age: it is missing").await;
    let swapped = damaged.copy(|dir| swap(dir, "data/0001.copy.zst.age", "data/0002.copy.zst.age"));
    damaged.assert_fails(&swapped, "it is not the file the manifest names").await;
    let swapped = damaged.copy(|dir| swap(dir, "schema.dump.zst.age", "database.dump.zst.age"));
    damaged.assert_fails(&swapped, "it is not the file the manifest names").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_lies_is_never_believed() {
    let damaged = Damaged::new().await;
    type Lie = fn(&mut Value);
    let lies: [(Lie, &str); 11] = [
        (|m| m["tables"][0]["rows"] = json!(3999), "the tables and their counts"),
        (|m| m["tables"][0]["bytes"] = json!(1), "the tables and their counts"),
        (|m| m["tables"][0]["name"] = json!("three"), "the tables and their counts"),
        (|m| m["files"][0]["sha256"] = json!("00"), "the files"),
        (|m| m["files"][0]["bytes"] = json!(1), "the files"),
        (|m| m["system_identifier"] = json!("1"), "the database"),
        (|m| m["moment"] = json!("2030-01-01T00:00:00Z"), "the moment"),
        (|m| m["copy_encoding"] = json!("UTF8'; create table injected (); --"), "the encoding"),
        (|m| m["id"] = json!("other_20261121T020000Z_7f3a"), "holds the manifest of"),
        (|m| m["format"] = json!("one"), "is damaged"),
        (|m| m["files"] = json!([]), "names no file facts"),
    ];
    for (tell, told) in lies {
        let store = damaged.copy(|dir| lie(dir, tell));
        damaged.assert_fails(&store, told).await;
    }
    let cut = damaged.copy(|dir| change(dir.join("manifest.json"), |bytes| bytes.truncate(100)));
    damaged.assert_fails(&cut, "is damaged").await;
    let none = damaged.copy(|dir| std::fs::remove_file(dir.join("manifest.json")).unwrap());
    damaged.assert_fails(&none, "holds no manifest").await;
    // what the facts do not repeat shows in the copy
    let crossed = damaged.copy(|dir| {
        lie(dir, |m| {
            let files: Vec<Value> = [0, 2].map(|i| m["tables"][i]["files"].clone()).to_vec();
            assert!(files.iter().all(Value::is_array), "{m:#}");
            m["tables"][0]["files"] = files[1].clone();
            m["tables"][2]["files"] = files[0].clone();
        });
    });
    damaged.assert_fails(&crossed, "public.one").await;
    // a newer format is no damage
    let newer = damaged.copy(|dir| lie(dir, |m| m["format"] = json!(99)));
    let error = drill::run(&newer, &damaged.id, &damaged.place.drill_options()).await.unwrap_err();
    assert!(text(&error).contains("format 99") && !error.blames_the_backup());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_and_the_facts_of_another_backup_open_nothing() {
    let damaged = Damaged::new().await;
    let path = damaged.place.directory("keys").join("other.txt");
    KeyPair::generate().write(&path, "another").unwrap();
    let mut options = damaged.place.drill_options();
    options.identities = Identities::read(&[path]).unwrap();
    let record = drill::run(&damaged.place.store, &damaged.id, &options).await.unwrap();
    assert_eq!(record.outcome, Outcome::Failed);
    assert!(record.differences[0].contains("facts.json.zst.age"), "{:?}", record.differences);
    // the facts of another backup of the same database, with a manifest that vouches for them
    let other = Damaged::new().await;
    let facts = std::fs::read(other.place.store.path(&other.id).join("facts.json.zst.age")).unwrap();
    let (manifest, _) = OpenBackup::manifest(&other.place.store, &other.id).unwrap();
    let file = serde_json::to_value(manifest.file("facts.json.zst.age").unwrap()).unwrap();
    let mixed = damaged.copy(|dir| {
        std::fs::write(dir.join("facts.json.zst.age"), &facts).unwrap();
        lie(dir, |m| *m["files"].as_array_mut().unwrap().last_mut().unwrap() = file);
    });
    let mut options = damaged.place.drill_options();
    options.identities = other.place.identities.clone();
    let record = drill::run(&mixed, &damaged.id, &options).await.unwrap();
    assert_eq!(record.outcome, Outcome::Failed);
    assert!(record.differences[0].contains("different backups"), "{:?}", record.differences);
    let none = BackupId::parse("none_20261121T020000Z_7f3a").unwrap();
    let missing = drill::run(&damaged.place.store, &none, &options);
    assert!(text(&missing.await.unwrap_err()).contains("there is no backup none_"));
}

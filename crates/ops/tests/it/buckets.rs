//! Stores in buckets, on a real S3 server, with and without trouble on the way.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupId, CheckOptions, CopyOptions, ReadData, State};
use unisys_ops::drill::{self, Outcome};
use unisys_ops::evidence::Trust;
use unisys_ops::progress::Silent;
use unisys_ops::store::{
    Credentials, DirectoryStore, Draft, Fault, Place as StorePlace, S3Options, S3Store, Store,
};
use unisys_testkit::faults::{Proxy, Trouble};
use unisys_testkit::s3::{KEY, S3Server};

use crate::support::Place;

/// Large enough for several parts: what is random does not get smaller.
const SOURCE: &str = "
create table bulk (id integer, filler text);
insert into bulk select g, (select string_agg(md5(random()::text), '') from generate_series(1, 20) where g > 0)
    from generate_series(1, 40000) g;
create table small (id serial primary key, word text);
insert into small (word) values ('a'), ('b');";

/// The least S3 takes.
const PART: usize = 5 << 20;

struct Site {
    server: S3Server,
    proxy: Proxy,
    local: TempDir,
}

impl Site {
    fn new() -> Self {
        let server = S3Server::start();
        let proxy = Proxy::before(server.port());
        Self { server, proxy, local: tempfile::tempdir().unwrap() }
    }

    fn options(&self) -> S3Options {
        S3Options {
            endpoint: Some(self.proxy.endpoint()),
            region: "us-east-1".into(),
            credentials: Credentials::Key { id: KEY.0.into(), secret: KEY.1.into(), token: None },
            ca: None,
            part_bytes: PART,
            patience: Duration::from_secs(2),
            local: self.local.path().to_owned(),
            clock: Utc::now,
        }
    }

    fn store(&self) -> S3Store {
        open("s3://nightly/of-tests", self.options())
    }

    /// Returns the store as another machine sees it, whose clock shows `clock`.
    fn as_another(&self, local: &TempDir, clock: fn() -> DateTime<Utc>) -> S3Store {
        let options = S3Options { local: local.path().to_owned(), clock, ..self.options() };
        open("s3://nightly/of-tests", options)
    }
}

fn open(url: &str, options: S3Options) -> S3Store {
    let StorePlace::Bucket(place) = StorePlace::parse(url).unwrap() else { panic!("{url}") };
    S3Store::new(place, options).unwrap()
}

fn fault<T: std::fmt::Debug>(result: Result<T, OpsError>) -> Fault {
    match result {
        Err(OpsError::Bucket { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

async fn findings(place: &Place, store: &dyn Store, id: &BackupId) -> Vec<backup::Finding> {
    let read_data = Some(ReadData { identities: place.identities.clone(), search: unisys_testkit::search() });
    let trust = place.drill_options().trust;
    let options = CheckOptions { jobs: 2, read_data, trust, progress: Arc::new(Silent) };
    backup::check(store, id, &options).await.unwrap().findings
}

fn state(store: &dyn Store) -> Vec<State> {
    let later = Utc::now() + TimeDelta::minutes(1);
    backup::list(store, &Trust::default(), later).unwrap().into_iter().map(|listed| listed.state).collect()
}

const ID: &str = "app_20261120T020000Z_0001";

/// Writes a backup without a database.
fn put(store: &dyn Store, id: &str, size: usize) -> BackupId {
    let id = BackupId::parse(id).unwrap();
    let draft = begin(store, &id, size);
    draft.commit(b"{}").unwrap();
    id
}

fn begin(store: &dyn Store, id: &BackupId, size: usize) -> Box<dyn Draft> {
    let draft = store.begin(id).unwrap();
    let mut part = draft.create("data/0001.copy.zst.age").unwrap();
    part.write_all(&content(size)).unwrap();
    part.keep().unwrap();
    draft
}

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 31 % 251) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_in_a_bucket_is_made_checked_drilled_and_removed() {
    let (site, place) = (Site::new(), Place::new());
    let source = unisys_testkit::database_with(SOURCE).await;
    let store = site.store();
    assert_eq!(store.ids().unwrap(), [], "an empty bucket is a store");
    let report = backup::run(&store, place.backup_options(&source)).await.unwrap();
    let id = report.manifest.id;
    assert_eq!(report.location, format!("s3://nightly/of-tests/{id}"));
    let largest = report.manifest.files.iter().map(|file| file.bytes).max().unwrap();
    assert!(largest > 2 * PART as u64, "several parts: {largest}");
    assert_eq!(store.ids().unwrap(), std::slice::from_ref(&id));
    assert_eq!(state(&store), [State::Unproven]);
    assert_eq!(findings(&place, &store, &id).await, []);
    let record = drill::run(&store, &id, &place.drill_options()).await.unwrap();
    assert_eq!(record.outcome, Outcome::Proven, "{:?}", record.differences);
    assert_eq!(state(&store), [State::Proven], "what stands beside it shows");
    assert!(site.server.stray_parts().is_empty());

    // what somebody changes in the bucket is found
    let part = site.server.objects().join(format!("of-tests/{id}/database.dump.zst.age"));
    let mut bytes = std::fs::read(&part).unwrap();
    bytes[700] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    assert_eq!(findings(&place, &store, &id).await.len(), 1);

    let hold = store.hold(&id).unwrap();
    assert!(matches!(store.remove(&id), Err(OpsError::InUse { .. })));
    drop(hold);
    store.remove(&id).unwrap();
    assert_eq!(store.ids().unwrap(), []);
    assert!(matches!(store.hold(&id), Err(OpsError::Refused(_))));
    let left = site.server.names();
    assert!(left.len() == 1 && left[0].starts_with("of-tests/owners/"), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_passes_is_not_noticed() {
    let (site, place) = (Site::new(), Place::new());
    let source = unisys_testkit::database_with(SOURCE).await;
    let store = site.store();
    let part = |line: &str| line.starts_with("PUT ") && line.contains("partNumber=");
    site.proxy.trouble(2, Trouble::Refuse, part);
    site.proxy.trouble(1, Trouble::CutRequest, part);
    site.proxy.trouble(1, Trouble::LoseAnswer, part);
    site.proxy.trouble(1, Trouble::Delay(Duration::from_secs(1)), part);
    site.proxy.trouble(1, Trouble::Refuse, |line| line.contains("?uploads"));
    // what was done all the same is not done twice, nor taken for a failure
    site.proxy
        .trouble(1, Trouble::LoseAnswer, |line| line.starts_with("POST ") && line.contains("uploadId="));
    site.proxy.trouble(1, Trouble::LoseAnswer, |line| line.contains("manifest.json"));
    site.proxy.trouble(1, Trouble::LoseAnswer, |line| line.contains("owners/") && line.starts_with("PUT"));
    let report = backup::run(&store, place.backup_options(&source)).await.unwrap();
    assert!(site.proxy.troubled() >= 9, "{}", site.proxy.troubled());
    assert!(site.server.stray_parts().is_empty());
    site.proxy.calm();
    for (trouble, file) in [
        (Trouble::CutAnswer, "/data/"),
        (Trouble::CutAnswer, "/data/"),
        (Trouble::Refuse, "/schema.dump"),
        (Trouble::LoseAnswer, "/globals.sql"),
    ] {
        site.proxy.trouble(1, trouble, move |line| line.starts_with("GET ") && line.contains(file));
    }
    assert_eq!(findings(&place, &store, &report.manifest.id).await, []);
    assert!(site.proxy.troubled() >= 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_keeps_failing_ends_the_backup_and_leaves_nothing() {
    let (mut site, place) = (Site::new(), Place::new());
    let source = unisys_testkit::database_with(SOURCE).await;
    let store = site.store();
    let part = |number: &'static str| {
        move |line: &str| line.starts_with("PUT ") && line.contains(&format!("partNumber={number}&"))
    };
    site.proxy.trouble(usize::MAX, Trouble::Refuse, part("2"));
    // still arriving when the backup fails: what is given up meanwhile would come back
    site.proxy.trouble(usize::MAX, Trouble::Stall(Duration::from_secs(4)), part("1"));
    let error = backup::run(&store, place.backup_options(&source)).await.unwrap_err();
    let told = crate::support::text(&error);
    assert!(told.contains("s3://nightly/of-tests/") && told.contains("503"), "{told}");
    assert!(!error.blames_the_backup());
    site.proxy.calm();
    assert_eq!(store.ids().unwrap(), []);
    assert_eq!(site.server.stray_parts(), Vec::<String>::new());
    assert!(site.server.names().iter().all(|name| name.contains("/owners/")), "{:?}", site.server.names());

    // gone altogether: what stays is known here, and goes when the server is back, at the latest with the next run
    let id = BackupId::parse(ID).unwrap();
    let draft = begin(&store, &id, PART + 1);
    let mut cut = draft.create("data/0002.copy.zst.age").unwrap();
    cut.write_all(&content(2 * PART)).unwrap();
    while site.server.stray_parts().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    site.server.stop();
    assert!(cut.keep().is_err());
    drop((cut, draft));
    site.server.resume();
    drop(store.lock("app").unwrap());
    assert!(site.server.stray_parts().is_empty());
    assert!(site.server.names().iter().all(|name| !name.contains(ID)), "{:?}", site.server.names());
    backup::run(&store, place.backup_options(&source)).await.unwrap();
    assert_eq!(store.ids().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_out_of_reach_says_nothing_about_its_backups() {
    let (mut site, place) = (Site::new(), Place::new());
    let source = unisys_testkit::database_with(SOURCE).await;
    let store = site.store();
    let id = backup::run(&store, place.backup_options(&source)).await.unwrap().manifest.id;
    let read = |line: &str| line.starts_with("GET ") && line.contains("data/");
    site.proxy.trouble(usize::MAX, Trouble::CutAnswer, read);
    let error = drill::run(&store, &id, &place.drill_options()).await.unwrap_err();
    assert_eq!(fault::<()>(Err(error)), Fault::Unreachable);
    site.proxy.calm();
    assert!(drill::list(&store, &id).unwrap().is_empty(), "nothing is recorded");
    site.server.stop();
    assert_eq!(fault(store.ids()), Fault::Unreachable);
}

#[test]
fn what_is_read_is_what_was_written_at_every_size() {
    let site = Site::new();
    let store = site.store();
    for size in [0, 1, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, PART - 1, PART, PART + 1, 3 * PART] {
        let id = BackupId::new("app", Utc::now());
        begin(&store, &id, size).commit(b"{}").unwrap();
        let mut read = Vec::new();
        store.read(&id, "data/0001.copy.zst.age").unwrap().read_to_end(&mut read).unwrap();
        assert!(read == content(size), "{size}: {}", read.len());
    }
    let id = store.ids().unwrap().remove(0);
    assert!(matches!(store.read(&id, "data/0002.copy.zst.age"), Err(OpsError::Open { .. })));
    assert_eq!(store.read_small(&id, "drill-x.json").unwrap(), None);
}

#[test]
fn runs_of_this_machine_wait_for_one_another_and_clusters_are_told_apart() {
    let site = Site::new();
    let store = site.store();
    let lock = store.lock("app").unwrap();
    assert!(matches!(site.store().lock("app"), Err(OpsError::Locked { .. })));
    drop(site.store().lock("app-prod").unwrap());
    drop(lock);
    drop(store.lock("app").unwrap());

    store.claim("app", "1", false).unwrap();
    store.claim("app", "1", false).unwrap();
    assert!(matches!(store.claim("app", "2", false), Err(OpsError::Refused(_))));
    store.claim("app-prod", "2", false).unwrap();
    store.claim("app", "2", true).unwrap();
    assert!(matches!(store.claim("app", "1", false), Err(OpsError::Refused(_))));
    let owners = [
        "of-tests/owners/app-prod/0001.json",
        "of-tests/owners/app/0001.json",
        "of-tests/owners/app/0002.json",
    ];
    assert_eq!(site.server.names(), owners, "nothing is overwritten");
}

#[test]
fn what_a_dead_run_elsewhere_left_goes_after_a_day_and_not_before() {
    let site = Site::new();
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let id = BackupId::parse(ID).unwrap();
    let draft = begin(&site.as_another(&there, Utc::now), &id, PART + 1);
    let whole = put(&site.store(), "app_20261119T020000Z_0002", 10);
    let other = begin(&site.store(), &BackupId::parse("crm_20261120T020000Z_0003").unwrap(), 10);
    std::mem::forget((draft, other));
    drop(site.as_another(&here, Utc::now).lock("app").unwrap());
    let is_there = |id: &str| site.server.names().iter().any(|name| name.contains(id));
    assert!(is_there(ID), "it may be alive");
    drop(site.as_another(&here, || Utc::now() + TimeDelta::hours(25)).lock("app").unwrap());
    assert!(!is_there(ID) && is_there("crm_20261120T020000Z_0003"), "{:?}", site.server.names());
    assert_eq!(site.store().ids().unwrap(), [whole]);
}

#[test]
fn a_run_of_this_machine_that_was_killed_is_cleaned_at_once_and_a_complete_backup_never() {
    let site = Site::new();
    let store = site.store();
    let whole = put(&store, "app_20261119T020000Z_0002", 10);
    let local = std::fs::read_dir(site.local.path()).unwrap().next().unwrap().unwrap().path();
    // killed after its manifest, before the note went
    std::fs::write(local.join("unfinished").join(whole.as_str()), "").unwrap();
    let id = BackupId::parse(ID).unwrap();
    let draft = begin(&store, &id, 10);
    let mut part = draft.create("data/0002.copy.zst.age").unwrap();
    part.write_all(&content(PART + 1)).unwrap();
    std::mem::forget((part, draft));
    // a killed run sends nothing more, and this one is only forgotten
    for _ in 0..600 {
        if !site.server.stray_parts().is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(!site.server.stray_parts().is_empty(), "a part is there to be left behind");
    drop(store.lock("app").unwrap());
    assert_eq!(store.ids().unwrap(), [whole]);
    assert!(site.server.stray_parts().is_empty());
    assert!(site.server.names().iter().all(|name| !name.contains(ID)));
    assert_eq!(std::fs::read_dir(local.join("unfinished")).unwrap().count(), 0);
}

#[test]
fn a_listing_of_many_pages_is_whole() {
    let site = Site::new();
    let directory = site.server.objects().join("of-tests");
    for number in 0..700 {
        let backup = directory.join(format!("app_20261119T020000Z_{number:04x}"));
        std::fs::create_dir_all(backup.join("data")).unwrap();
        for name in ["manifest.json", "data/0001", "data/0002"] {
            std::fs::write(backup.join(name), "{}").unwrap();
        }
    }
    std::fs::remove_file(directory.join("app_20261119T020000Z_0007/manifest.json")).unwrap();
    let store = site.store();
    assert_eq!(store.ids().unwrap().len(), 699);
    let mark = |store: &S3Store| store.versions().unwrap().into_iter().map(|version| version.mark).max();
    let before = mark(&store);
    assert_eq!(before, mark(&store));
    for version in store.versions().unwrap() {
        if version.id.as_str().ends_with("_0008") {
            store.write_beside(&version.id, "pin.json", b"{}").unwrap();
            assert_eq!(store.names_beside(&version.id, "pin").unwrap(), ["pin.json"]);
            assert_eq!(store.names(&version.id).unwrap().len(), 4);
            let now = store.versions().unwrap().into_iter().find(|now| now.id == version.id).unwrap();
            assert_ne!(now.mark, version.mark);
            store.remove_beside(&version.id, "pin.json").unwrap();
            store.remove_beside(&version.id, "pin.json").unwrap();
        }
    }
    assert_eq!(before, mark(&store));
}

#[test]
fn each_way_to_fail_is_told_apart() {
    let site = Site::new();
    let wrong = Credentials::Key { id: KEY.0.into(), secret: "wrong".into(), token: None };
    let store = open("s3://nightly", S3Options { credentials: wrong, ..site.options() });
    assert_eq!(fault(store.ids()), Fault::Credentials);
    assert_eq!(fault(open("s3://no-such-bucket", site.options()).ids()), Fault::NoBucket);
    let endpoint = Some(format!("http://127.0.0.1:{}", unisys_testkit::free_port()));
    let store = open("s3://nightly", S3Options { endpoint, ..site.options() });
    assert_eq!(fault(store.ids()), Fault::Unreachable);
    let endpoint = Some(format!("https://127.0.0.1:{}", site.server.port()));
    let store = open("s3://nightly", S3Options { endpoint, ..site.options() });
    assert_eq!(fault(store.ids()), Fault::Tls);
    let wrong = Credentials::Key { id: "nobody".into(), secret: KEY.1.into(), token: None };
    let trial = open("s3://nightly", S3Options { credentials: wrong, ..site.options() }).try_out();
    assert!(matches!(trial.unwritable, Some(OpsError::Bucket { doing: "write", .. })), "{trial:?}");
    let trial = site.store().try_out();
    assert!(trial.unwritable.is_none() && trial.undeletable.is_none(), "{trial:?}");
    assert_eq!(site.server.names(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_are_whole_proofs_follow_and_what_is_behind_catches_up() {
    let (mut site, place) = (Site::new(), Place::new());
    let source = unisys_testkit::database_with(SOURCE).await;
    let options = CopyOptions { jobs: 2, check_space: true, adopt: false, progress: Arc::new(Silent) };
    let database = source.database.clone();
    let copy = site.store();
    let update = || async { backup::bring_up_to_date(&place.store, &copy, &database, &options).await };
    let first = place.backup(&source).await.manifest.id;
    let done = update().await;
    assert!(done.failure.is_none(), "{done:?}");
    assert_eq!((done.copied, done.lag.backups), (vec![first.clone()], 0));
    assert_eq!(findings(&place, &copy, &first).await, []);
    place.prove(&first).await;
    assert!(update().await.failure.is_none());
    assert_eq!(state(&copy), [State::Proven], "its proof was copied");

    site.server.stop();
    let second = place.backup(&source).await.manifest.id;
    assert!(matches!(update().await.failure, Some(OpsError::Bucket { .. })));
    site.server.resume();
    let third = place.backup(&source).await.manifest.id;
    // a damaged backup is not copied, and does not keep the others from it
    let file = place.store.path(&second).join("database.dump.zst.age");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[700] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let done = update().await;
    assert_eq!(done.copied, std::slice::from_ref(&third));
    assert!(done.failure.is_some_and(|failure| failure.blames_the_backup()));
    assert_eq!(copy.ids().unwrap().len(), 2);
    assert!(site.server.names().iter().all(|name| !name.contains(second.as_str())));

    // and back: from a bucket into a directory
    let back = DirectoryStore::new(place.directory("back"));
    let done = backup::bring_up_to_date(&copy, &back, &database, &options).await;
    assert!(done.failure.is_none() && done.copied.len() == 2, "{done:?}");
    let record = drill::run(&back, &third, &place.drill_options()).await.unwrap();
    assert_eq!(record.outcome, Outcome::Proven);
}

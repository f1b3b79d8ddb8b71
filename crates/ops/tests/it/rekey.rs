//! Other keys for stored backups: the same data, the old one never gone before the new one is complete.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupId, Manifest, RekeyOptions, RekeyReport, State, rekey};
use unisys_ops::drill::{self, DrillOptions, Outcome};
use unisys_ops::evidence::{SigningKey, Trust};
use unisys_ops::keys::{Identities, KeyPair, Passphrase, Recipient, id_of};
use unisys_ops::progress::Silent;
use unisys_ops::restore::OpenBackup;
use unisys_ops::store::{DirectoryStore, Store};

use crate::damage::copy_tree;
use crate::dying::Dying;
use crate::support::{Place, text};

const SOURCE: &str = "
create table one (id integer, filler text);
insert into one select g, repeat(md5(g::text), 30) from generate_series(1, 4000) g;
create table small (id serial primary key, word text);
insert into small (word) values ('a'), ('b');";

/// A place with a backup, and another key.
struct Rekeying {
    place: Place,
    id: BackupId,
    new: Recipient,
    new_identities: Identities,
}

impl Rekeying {
    async fn new() -> Self {
        let place = Place::new();
        let source = unisys_testkit::database_with(SOURCE).await;
        let id = place.backup(&source).await.manifest.id;
        let (new, new_identities) = key(&place.directory("keys").join("new.txt"));
        Self { place, id, new, new_identities }
    }

    fn both(&self) -> Identities {
        let directory = self.place.directory("keys");
        Identities::read(&[directory.join("../identity.txt"), directory.join("new.txt")]).unwrap()
    }

    fn options(&self) -> RekeyOptions {
        RekeyOptions {
            identities: self.both(),
            recipients: vec![self.new.clone()],
            passphrase: None,
            trust: Trust::default(),
            signing: None,
            trust_new_keys: false,
            jobs: 2,
            now: "2026-11-22T00:00:00Z".parse().unwrap(),
            made_by: "test".into(),
            progress: Arc::new(Silent),
        }
    }

    /// Returns a store with a copy of the backup.
    fn copy(&self) -> DirectoryStore {
        let root = self.place.directory(&format!("copy-{}", unisys_ops::random::text(8)));
        let store = DirectoryStore::new(&root);
        copy_tree(&self.place.store.path(&self.id), &store.path(&self.id));
        store
    }

    async fn drill(&self, id: &BackupId, identities: Identities) -> drill::DrillRecord {
        let now = "2026-11-23T00:00:00Z".parse().unwrap();
        let options = DrillOptions { identities, now, ..self.place.drill_options() };
        drill::run(&self.place.store, id, &options).await.unwrap()
    }
}

fn key(path: &Path) -> (Recipient, Identities) {
    let pair = KeyPair::generate();
    pair.write(path, "a test").unwrap();
    (Recipient::parse(&pair.recipient()).unwrap(), Identities::read(&[path.to_owned()]).unwrap())
}

/// Opens a backup and reads all of it.
fn read(store: &dyn Store, id: &BackupId, identities: &Identities) -> Result<Manifest, OpsError> {
    let backup = OpenBackup::open(store, id, identities.clone(), &Trust::default())?;
    for file in backup.manifest.files.iter().filter(|file| file.name.ends_with(".zst.age")) {
        backup.copy_to(&file.name, &mut |_| Ok(()))?;
    }
    Ok(backup.manifest)
}

/// Gives a backup other keys. A program that another test starts has our locks for a moment, too: then once more.
async fn finished(store: &DirectoryStore, id: &BackupId, options: &RekeyOptions) -> RekeyReport {
    loop {
        match rekey(store, id, options).await {
            Err(OpsError::Locked { .. }) => {}
            Err(error) => panic!("{}", text(&error)),
            Ok(report) if report.kept.as_ref().is_some_and(|reason| reason.contains("in use")) => {}
            Ok(report) => return report,
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn payload(path: PathBuf) -> Vec<u8> {
    let stored = std::fs::read(path).unwrap();
    let mac = stored.windows(5).position(|bytes| bytes == b"\n--- ").unwrap();
    let end = stored[mac + 1..].iter().position(|byte| *byte == b'\n').unwrap();
    stored[mac + 2 + end..].to_vec()
}

fn partial(store: &DirectoryStore) -> bool {
    let names = std::fs::read_dir(store.root()).unwrap().flatten().map(|entry| entry.file_name());
    names.into_iter().any(|name| name.to_string_lossy().starts_with(".partial"))
}

#[tokio::test]
async fn a_backup_with_other_keys_restores_with_them_and_not_with_the_old_one() {
    let test = Rekeying::new().await;
    let (place, id) = (&test.place, &test.id);
    place.prove(id).await;
    place.store.write_beside(id, "pin.json", b"{}").unwrap();
    let kept = test.copy();
    let report = rekey(&place.store, id, &test.options()).await.unwrap();
    assert_eq!((&report.kept, place.store.ids().unwrap()), (&None, vec![report.to.clone()]));
    assert_eq!(report.to.moment(), id.moment());
    assert_eq!(report.keys.proved, [test.new.id()]);

    let state = || {
        backup::list(&place.store, &Trust::default(), "2027-01-01T00:00:00Z".parse().unwrap()).unwrap()[0]
            .state
    };
    assert_eq!(state(), State::Unproven, "a proof is of the bytes that were drilled");
    let error = read(&place.store, &report.to, &place.identities).unwrap_err();
    assert!(matches!(error, OpsError::Open { .. }), "{error:?}");
    let manifest = read(&place.store, &report.to, &test.new_identities).unwrap();
    assert_eq!(manifest.rekeyed.as_ref().map(|rekeyed| &rekeyed.from), Some(id));
    let record = test.drill(&report.to, test.new_identities.clone()).await;
    assert_eq!(record.outcome, Outcome::Proven, "{:#?}", record.differences);
    assert_eq!(state(), State::Proven);

    for file in
        manifest.files.iter().filter(|file| file.name.contains(".dump.") || file.name.contains(".copy."))
    {
        let [new, old] =
            [place.store.path(&report.to), kept.path(id)].map(|path| payload(path.join(&file.name)));
        assert!(new == old && !new.is_empty(), "{} was decrypted", file.name);
    }
    let beside = place.store.names_beside(&report.to, "").unwrap();
    assert_eq!(beside.iter().filter(|name| name.starts_with("drill-")).count(), 1, "{beside:?}");
    assert!(beside.contains(&"pin.json".to_owned()));
    let check = backup::CheckOptions {
        trust: Trust::default(),
        jobs: 2,
        read_data: None,
        progress: Arc::new(Silent),
    };
    place.store.remove_beside(&report.to, "pin.json").unwrap();
    assert_eq!(backup::check(&place.store, &report.to, &check).await.unwrap().findings, []);
}

#[tokio::test]
async fn killed_at_any_step_one_of_the_two_is_complete_and_the_next_run_finishes() {
    let test = Rekeying::new().await;
    let mut steps = 0;
    loop {
        let store = test.copy();
        let killed = rekey(&Dying::after(steps, &store), &test.id, &test.options()).await;
        let complete = |identities: &Identities| {
            let ids = store.ids().unwrap();
            ids.into_iter().filter(|id| read(&store, id, identities).is_ok()).count()
        };
        let left = (complete(&test.place.identities), complete(&test.new_identities));
        assert!(matches!(left, (1, 0) | (1, 1) | (0, 1)), "after {steps} steps: {left:?}");
        let whole = matches!(&killed, Ok(RekeyReport { kept: None, .. }));
        if !whole {
            assert!(left.0 == 1, "after {steps} steps: not told of");
            let report = finished(&store, &test.id, &test.options()).await;
            assert_eq!((report.kept, store.ids().unwrap()), (None, vec![report.to.clone()]), "{steps}");
            assert!(read(&store, &report.to, &test.new_identities).is_ok());
        }
        assert!(!partial(&store), "after {steps} steps");
        std::fs::remove_dir_all(store.root()).unwrap();
        if whole {
            break;
        }
        steps += 1;
    }
    assert!(steps > 30, "only {steps} steps");
}

#[tokio::test]
async fn the_old_one_stays_when_nothing_shows_that_anybody_has_the_new_keys() {
    let test = Rekeying::new().await;
    let store = test.copy();
    let alone = RekeyOptions { identities: test.place.identities.clone(), ..test.options() };
    let report = rekey(&store, &test.id, &alone).await.unwrap();
    assert!(report.kept.is_some() && report.keys.proved.is_empty());
    assert_eq!(report.keys.elsewhere, [test.new.id()]);
    assert_eq!(store.ids().unwrap().len(), 2);
    let trusting = RekeyOptions { trust_new_keys: true, ..alone };
    let again = rekey(&store, &test.id, &trusting).await.unwrap();
    assert_eq!((again.to, again.kept), (report.to.clone(), None), "the one that was complete is used");
    assert_eq!(store.ids().unwrap(), [report.to]);
}

#[tokio::test]
async fn one_in_use_or_damaged_keeps_its_keys() {
    let test = Rekeying::new().await;
    let store = test.copy();
    let hold = store.hold(&test.id).unwrap();
    let report = rekey(&store, &test.id, &test.options()).await.unwrap();
    assert!(report.kept.unwrap().contains("in use"));
    assert!(read(&store, &test.id, &test.place.identities).is_ok());
    drop(hold);

    let store = test.copy();
    let damaged = store.path(&test.id).join("data/0001.copy.zst.age");
    let mut bytes = std::fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    let error = rekey(&store, &test.id, &test.options()).await.unwrap_err();
    assert!(matches!(&error, OpsError::Open { name, .. } if name.starts_with("data/0001")), "{error:?}");
    assert_eq!(store.ids().unwrap(), std::slice::from_ref(&test.id));
    assert!(!partial(&store));

    let wrong = RekeyOptions { identities: test.new_identities.clone(), ..test.options() };
    let store = test.copy();
    assert!(rekey(&store, &test.id, &wrong).await.is_err());
    assert_eq!(store.ids().unwrap(), std::slice::from_ref(&test.id));
}

#[tokio::test]
async fn a_passphrase_comes_and_goes() {
    let test = Rekeying::new().await;
    let store = &test.place.store;
    let phrase = || Arc::new(Passphrase::known("correct horse battery".into()));
    let with = RekeyOptions { passphrase: Some("correct horse battery".into()), ..test.options() };
    let report = rekey(store, &test.id, &with).await.unwrap();
    let manifest = read(store, &report.to, &Identities::none().with_passphrase(phrase())).unwrap();
    assert_eq!((manifest.recipients.len(), manifest.passphrase.is_some()), (2, true));
    assert!(manifest.warnings.iter().all(|warning| !warning.contains("one recipient only")));
    let record = test.drill(&report.to, Identities::none().with_passphrase(phrase())).await;
    assert_eq!(record.outcome, Outcome::Proven, "{:#?}", record.differences);
    assert_eq!(
        record.keys.elsewhere,
        [test.new.id()],
        "the passphrase's key opened it, the other was not tried"
    );

    let wrong = Identities::none().with_passphrase(Arc::new(Passphrase::known("wrong".into())));
    let error = read(store, &report.to, &wrong).unwrap_err();
    assert!(matches!(error, OpsError::Key(_)) && !error.blames_the_backup(), "{error:?}");
    let none = read(store, &report.to, &Identities::none()).unwrap_err();
    assert!(matches!(none, OpsError::NoIdentity(_)), "{none:?}");

    let identities = Identities::none().with_passphrase(phrase());
    let without = RekeyOptions { identities, trust_new_keys: true, ..test.options() };
    let report = rekey(store, &report.to, &without).await.unwrap();
    assert!(read(store, &report.to, &Identities::none().with_passphrase(phrase())).is_err());
    let manifest = read(store, &report.to, &test.new_identities).unwrap();
    assert!(manifest.passphrase.is_none() && manifest.files.iter().all(|file| file.name != "key.age"));
}

#[tokio::test]
async fn a_drill_tells_which_keys_opened_the_backup() {
    let test = Rekeying::new().await;
    let old = id_of(&test.place.identities.recipients()[0]);
    let record = test.drill(&test.id, test.both()).await;
    assert_eq!(record.outcome, Outcome::Proven, "{:#?}", record.differences);
    assert_eq!((record.keys.proved, record.keys.not_proved), (vec![old], vec![test.new.id()]));
    assert_eq!(record.keys.elsewhere, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_with_other_keys_is_signed_anew() {
    let test = Rekeying::new().await;
    let key = SigningKey::generate("a test").unwrap();
    let signing = RekeyOptions { signing: Some(key.clone()), ..test.options() };
    let report = rekey(&test.place.store, &test.id, &signing).await.unwrap();
    let trust = Trust::new(vec![key.public().clone()], true);
    let signature = OpenBackup::signature(&test.place.store, &report.to, &trust).unwrap();
    assert!(signature.is_trusted(), "{signature:?}");
    // what nobody who is trusted vouches for gets no other keys
    let stranger = SigningKey::generate("a stranger").unwrap();
    let distrust = Trust::new(vec![stranger.public().clone()], true);
    let again = RekeyOptions { trust: distrust, recipients: vec![test.place.recipient.clone()], ..signing };
    let error = rekey(&test.place.store, &report.to, &again).await.unwrap_err();
    assert!(matches!(error, unisys_ops::OpsError::Signature { .. }), "{error:?}");
}

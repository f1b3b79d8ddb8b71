//! Signed evidence of real backups and drills: what a trusted key vouches for, and what it does not.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupId, BackupOptions, CheckOptions, State};
use unisys_ops::drill::{self, DrillOptions, DrillRecord, Outcome};
use unisys_ops::evidence::{self, Evidence, SigningKey, Subject, Trust, Verdict};
use unisys_ops::progress::Silent;
use unisys_ops::restore::OpenBackup;
use unisys_ops::store::DirectoryStore;

use crate::damage::{change, copy_tree};
use crate::support::{Place, text};

const SOURCE: &str = "create table one (id integer); insert into one select generate_series(1, 100);";

/// A signed backup with a signed proof.
struct Signed {
    place: Place,
    key: SigningKey,
    id: BackupId,
    record: DrillRecord,
}

impl Signed {
    async fn new() -> Self {
        let place = Place::new();
        let key = SigningKey::generate("a test").unwrap();
        let source = unisys_testkit::database_with(SOURCE).await;
        let options = BackupOptions { signing: Some(key.clone()), ..place.backup_options(&source) };
        let id = backup::run(&place.store, options).await.unwrap().manifest.id;
        let options =
            DrillOptions { signing: Some(key.clone()), trust: trust(&[&key]), ..place.drill_options() };
        let record = drill::run(&place.store, &id, &options).await.unwrap();
        assert_eq!(record.outcome, Outcome::Proven, "{:?}", record.differences);
        Self { place, key, id, record }
    }

    fn directory(&self) -> PathBuf {
        self.place.store.path(&self.id)
    }

    fn record_file(&self) -> String {
        format!("{}.json", self.record.name())
    }

    /// Returns a store with a copy of the backup that `change` was done to.
    fn copy(&self, change: impl FnOnce(&Path)) -> DirectoryStore {
        let root = self.place.directory(&format!("copy-{}", unisys_ops::random::text(8)));
        let store = DirectoryStore::new(&root);
        copy_tree(&self.directory(), &store.path(&self.id));
        change(&store.path(&self.id));
        store
    }

    fn examine(&self, store: &DirectoryStore, trust: &Trust) -> Evidence {
        evidence::examine(store, &self.id, &self.record_file(), trust).unwrap()
    }

    fn open(&self, store: &DirectoryStore, trust: &Trust) -> Result<OpenBackup, OpsError> {
        OpenBackup::open(store, &self.id, self.place.identities.clone(), trust)
    }

    /// Returns what a check finds, `file: problem`.
    async fn findings(&self, store: &DirectoryStore, trust: &Trust) -> Vec<String> {
        let options =
            CheckOptions { jobs: 1, read_data: None, trust: trust.clone(), progress: Arc::new(Silent) };
        let report = backup::check(store, &self.id, &options).await.unwrap();
        report.findings.iter().map(|finding| format!("{}: {}", finding.file, finding.problem)).collect()
    }
}

pub(crate) fn trust(keys: &[&SigningKey]) -> Trust {
    Trust::new(keys.iter().map(|key| key.public().clone()).collect(), false)
}

fn flip(path: PathBuf, at: impl FnOnce(usize) -> usize) {
    change(path, |bytes| {
        let at = at(bytes.len());
        bytes[at] ^= 1;
    });
}

fn problems(evidence: &Evidence) -> String {
    evidence.problems.iter().map(|problem| format!("{}: {}\n", problem.file, problem.problem)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_backup_and_its_proof_hold_by_the_public_key_alone() {
    let signed = Signed::new().await;
    let trust = trust(&[&signed.key]);
    let evidence = signed.examine(&signed.place.store, &trust);
    assert!(evidence.holds() && evidence.proves(), "{}", problems(&evidence));
    assert_eq!(evidence.record.as_ref(), Some(&signed.record));
    assert_eq!(signed.findings(&signed.place.store, &trust).await, Vec::<String>::new());
    let opened = signed.open(&signed.place.store, &trust).unwrap();
    assert!(opened.signature.is_trusted());
    let id = signed.key.public().id();
    assert_eq!(opened.manifest.signed_by.as_deref(), Some(id.as_str()));
    assert_eq!(signed.record.signed_by.as_deref(), Some(id.as_str()));
    let listed = backup::list(&signed.place.store, &Trust::default(), chrono::Utc::now()).unwrap().remove(0);
    assert_eq!((listed.state, listed.signed_by), (State::Proven, Some(id)));
    let rto = signed.record.rto.as_ref().unwrap();
    assert!(
        rto.seconds > signed.record.restore_seconds + rto.analyze_seconds && rto.copy_bytes > 0,
        "{rto:?}"
    );
    // without anybody to trust nothing is refused, and nothing is evidence
    let nobody = Trust::default();
    assert!(signed.open(&signed.place.store, &nobody).is_ok());
    assert!(problems(&signed.examine(&signed.place.store, &nobody)).contains("no key is trusted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_removed_or_signed_by_somebody_else_is_no_evidence() {
    let signed = Signed::new().await;
    let record = signed.record_file();
    let stranger = SigningKey::generate("a stranger").unwrap();
    let sign = |dir: &Path, name: &str, key: &SigningKey, subject: Subject| {
        let content = std::fs::read(dir.join(name)).unwrap();
        std::fs::write(dir.join(format!("{name}.sig")), key.sign(subject, &content).unwrap()).unwrap();
    };
    type Change<'a> = Box<dyn Fn(&Path) + 'a>;
    let middle = |length: usize| length / 2;
    let cases: Vec<(&str, Change<'_>, &str)> = vec![
        ("a bit of the manifest", Box::new(|dir| flip(dir.join("manifest.json"), middle)), "manifest.json"),
        (
            "a space behind the manifest",
            Box::new(|dir| change(dir.join("manifest.json"), |b| b.push(b' '))),
            "is not one of these bytes",
        ),
        (
            "a bit of its signature",
            Box::new(|dir| flip(dir.join("manifest.json.sig"), middle)),
            "manifest.json.sig: ",
        ),
        (
            "its signature cut",
            Box::new(|dir| change(dir.join("manifest.json.sig"), |b| b.truncate(100))),
            "is no signature",
        ),
        (
            "its signature gone",
            Box::new(|dir| std::fs::remove_file(dir.join("manifest.json.sig")).unwrap()),
            "manifest.json.sig: it is missing",
        ),
        (
            "the manifest signed by a stranger",
            Box::new(|dir| sign(dir, "manifest.json", &stranger, Subject::Manifest)),
            "the signed file says",
        ),
        (
            "the record's signature in its place",
            Box::new(|dir| {
                std::fs::copy(dir.join(format!("{record}.sig")), dir.join("manifest.json.sig")).unwrap();
            }),
            "namespace",
        ),
    ];
    let trust = trust(&[&signed.key]);
    for (what, case, told) in &cases {
        let store = signed.copy(case);
        let evidence = signed.examine(&store, &trust);
        assert!(!evidence.holds() && problems(&evidence).contains(told), "{what}: {}", problems(&evidence));
        let error = signed.open(&store, &trust).err().unwrap_or_else(|| panic!("{what} was opened"));
        assert!(error.blames_the_backup(), "{what}: {}", text(&error));
        assert_ne!(signed.findings(&store, &trust).await, Vec::<String>::new(), "{what}");
        let state = backup::list(&store, &Trust::default(), chrono::Utc::now()).unwrap().remove(0).state;
        assert_eq!(state, State::Damaged, "{what}");
    }
    let of_the_record: Vec<(&str, Change<'_>, &str)> = vec![
        ("a bit of the record", Box::new(|dir| flip(dir.join(&record), middle)), &record),
        (
            "another number of sessions",
            Box::new(|dir| {
                change(dir.join(&record), |b| {
                    *b = String::from_utf8_lossy(b).replace("\"jobs\": 2", "\"jobs\": 3").into_bytes();
                });
            }),
            "is not one of these bytes",
        ),
        ("a bit of its signature", Box::new(|dir| flip(dir.join(format!("{record}.sig")), middle)), ".sig: "),
        (
            "its signature gone",
            Box::new(|dir| std::fs::remove_file(dir.join(format!("{record}.sig"))).unwrap()),
            "it is missing",
        ),
        (
            "the record signed by a stranger",
            Box::new(|dir| sign(dir, &record, &stranger, Subject::Drill)),
            "the signed file says",
        ),
        (
            "the record signed as a manifest",
            Box::new(|dir| sign(dir, &record, &signed.key, Subject::Manifest)),
            "namespace",
        ),
    ];
    for (what, case, told) in &of_the_record {
        let store = signed.copy(case);
        let evidence = signed.examine(&store, &trust);
        assert!(!evidence.holds() && problems(&evidence).contains(told), "{what}: {}", problems(&evidence));
        // the backup itself is as it was, but nobody proved it
        assert!(signed.open(&store, &trust).is_ok(), "{what}");
        assert!(drill::list(&store, &signed.id).unwrap().is_empty(), "{what}");
        assert_ne!(signed.findings(&store, &trust).await, Vec::<String>::new(), "{what}");
        let state = backup::list(&store, &Trust::default(), chrono::Utc::now()).unwrap().remove(0).state;
        assert_eq!(state, State::Unproven, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_rewrites_everything_is_refused_and_a_drill_of_it_fails() {
    let signed = Signed::new().await;
    let stranger = SigningKey::generate("a stranger").unwrap();
    let forged = signed.copy(|dir| {
        let manifest = std::fs::read_to_string(dir.join("manifest.json")).unwrap();
        let forged = manifest.replace(&signed.key.public().id(), &stranger.public().id());
        std::fs::write(dir.join("manifest.json"), &forged).unwrap();
        let signature = stranger.sign(Subject::Manifest, forged.as_bytes()).unwrap();
        std::fs::write(dir.join("manifest.json.sig"), signature).unwrap();
    });
    let own = trust(&[&signed.key]);
    let options = DrillOptions {
        trust: own.clone(),
        signing: Some(signed.key.clone()),
        now: "2026-11-22T02:00:00Z".parse().unwrap(),
        ..signed.place.drill_options()
    };
    let record = drill::run(&forged, &signed.id, &options).await.unwrap();
    assert_eq!(record.outcome, Outcome::Failed);
    assert!(record.differences[0].contains("is not trusted"), "{:?}", record.differences);
    signed.place.assert_clean();
    // that record itself is evidence: of a drill that failed; but of a manifest nobody vouches for
    let file = format!("{}.json", record.name());
    let evidence = evidence::examine(&forged, &signed.id, &file, &own).unwrap();
    assert!(evidence.record_signature.as_ref().is_some_and(Verdict::is_trusted));
    assert!(!evidence.holds() && !evidence.proves());
    assert_eq!(
        signed.findings(&forged, &own).await,
        [format!("manifest.json.sig: it is signed with {}, which is not trusted", stranger.public().id())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_stands_for_its_own_backup_and_name_only() {
    let (one, other) = (Signed::new().await, Signed::new().await);
    let keys = trust(&[&one.key, &other.key]);
    let (file, signature) = (other.record_file(), format!("{}.sig", other.record_file()));
    let swapped = one.copy(|dir| {
        std::fs::remove_file(dir.join(one.record_file())).unwrap();
        std::fs::remove_file(dir.join(format!("{}.sig", one.record_file()))).unwrap();
        for name in [&file, &signature] {
            std::fs::copy(other.directory().join(name), dir.join(name)).unwrap();
        }
    });
    let evidence = evidence::examine(&swapped, &one.id, &file, &keys).unwrap();
    assert_eq!(problems(&evidence), format!("{file}: it is the record of a drill of {}\n", other.id));
    assert!(drill::list(&swapped, &one.id).unwrap().is_empty());
    assert_eq!(one.findings(&swapped, &keys).await.len(), 1);
    let renamed = one.copy(|dir| {
        for end in ["", ".sig"] {
            let name = format!("{}{end}", one.record_file());
            std::fs::rename(dir.join(name), dir.join(format!("drill-20300101T000000000Z.json{end}")))
                .unwrap();
        }
    });
    let evidence = evidence::examine(&renamed, &one.id, "drill-20300101T000000000Z.json", &keys).unwrap();
    assert!(problems(&evidence).contains(&one.record.name()), "{}", problems(&evidence));
    // a manifest that a trusted key signed anew is sound, but it is not the one that was drilled
    let renewed = one.copy(|dir| {
        let manifest = std::fs::read_to_string(dir.join("manifest.json")).unwrap();
        let manifest = format!("{manifest}\n");
        let signature = one.key.sign(Subject::Manifest, manifest.as_bytes()).unwrap();
        std::fs::write(dir.join("manifest.json"), manifest).unwrap();
        std::fs::write(dir.join("manifest.json.sig"), signature).unwrap();
    });
    assert!(one.open(&renewed, &keys).is_ok());
    assert!(problems(&one.examine(&renewed, &keys)).contains("the manifest that was drilled is another one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_and_what_was_never_signed_is_let_through_unless_it_is_not() {
    let old = Signed::new().await;
    let new = SigningKey::generate("the next one").unwrap();
    assert!(old.open(&old.place.store, &trust(&[&new, &old.key])).is_ok());
    let error = text(&old.open(&old.place.store, &trust(&[&new])).err().unwrap());
    assert!(error.contains(&old.key.public().id()), "{error}");
    let source = unisys_testkit::database_with(SOURCE).await;
    let place = Place::new();
    let unsigned = place.backup(&source).await.manifest.id;
    let open = |trust: &Trust| OpenBackup::open(&place.store, &unsigned, place.identities.clone(), trust);
    assert_eq!(open(&trust(&[&new])).unwrap().signature, Verdict::Unsigned);
    let strict = Trust::new(vec![new.public().clone()], true);
    assert!(text(&open(&strict).err().unwrap()).contains("it was never signed"));
    let options = DrillOptions { trust: strict, ..place.drill_options() };
    let record = drill::run(&place.store, &unsigned, &options).await.unwrap();
    assert_eq!(record.outcome, Outcome::Failed, "{:?}", record.differences);
}

/// Runs `ssh-keygen -Y` on a file, and returns whether it was content.
fn ssh_keygen(args: &[&str], directory: &Path, input: &Path) -> bool {
    let mut command = Command::new("ssh-keygen");
    command.arg("-Y").args(args).current_dir(directory).stdin(std::fs::File::open(input).unwrap());
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("ssh-keygen").success()
}

#[tokio::test(flavor = "multi_thread")]
async fn openssh_verifies_what_we_sign_and_we_what_it_signs() {
    let signed = Signed::new().await;
    let directory = signed.directory();
    let signers = signed.place.directory("ssh").join("signers");
    std::fs::write(&signers, format!("unisys-dba {}\n", signed.key.public().text())).unwrap();
    let verify = |name: &str, namespace: &str| {
        let signature = format!("{name}.sig");
        let signers = signers.to_str().unwrap();
        let args = ["verify", "-f", signers, "-I", "unisys-dba", "-n", namespace, "-s", &signature];
        ssh_keygen(&args, &directory, &directory.join(name))
    };
    let record = signed.record_file();
    assert!(verify("manifest.json", "unisys-dba-manifest") && verify(&record, "unisys-dba-drill"));
    assert!(!verify("manifest.json", "unisys-dba-drill"), "ssh-keygen looks at the namespace");
    let restore = std::fs::read_to_string(directory.join("RESTORE.txt")).unwrap();
    assert!(restore.contains("-n unisys-dba-manifest -s manifest.json.sig < manifest.json"));
    // a key and a signature of OpenSSH's own making
    let ssh = signed.place.directory("ssh");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "by openssh", "-f", "key"])
        .current_dir(&ssh)
        .status();
    assert!(made.unwrap().success());
    let key = SigningKey::read(&ssh.join("key")).unwrap();
    assert_eq!(key.public().comment(), "by openssh");
    let content = b"some bytes\n";
    std::fs::write(ssh.join("file"), content).unwrap();
    let args = ["sign", "-q", "-f", "key", "-n", "unisys-dba-drill", "file"];
    assert!(ssh_keygen(&args, &ssh, &ssh.join("file")));
    let signature = std::fs::read(ssh.join("file.sig")).unwrap();
    assert!(trust(&[&key]).judge(Subject::Drill, content, None, Some(&signature)).is_trusted());
    let own = String::from_utf8(key.sign(Subject::Drill, content).unwrap()).unwrap();
    assert_eq!(own, String::from_utf8(signature).unwrap(), "Ed25519 is deterministic: the same text");
    // one behind a passphrase is refused with the reason
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "a passphrase", "-f", "locked"])
        .current_dir(&ssh)
        .status();
    assert!(made.unwrap().success());
    assert!(SigningKey::read(&ssh.join("locked")).unwrap_err().to_string().contains("passphrase"));
}

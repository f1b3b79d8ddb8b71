//! Retention through the program: after a backup, by hand, held, interrupted.

use std::fs;
#[cfg(unix)]
use std::path::Path;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
#[cfg(unix)]
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use unisys_db::{Session, Target};

const SOURCE: &str = "create table students (id integer primary key, name text);
    insert into students select i, 'student ' || i from generate_series(1, 500) as i;
    create table rooms (id integer); insert into rooms values (1);";

const NOTHING: &str = "keep-last = 1\nkeep-daily = 0\nkeep-weekly = 0\nkeep-monthly = 0\nkeep-yearly = 0\n";

/// A directory with a store, a key and a configuration.
struct Place {
    directory: TempDir,
}

impl Place {
    /// Makes a place; `retention` is what its configuration says there, `url` its database.
    fn new(retention: &str, url: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let pair = unisys_ops::keys::KeyPair::generate();
        pair.write(&directory.path().join("identity.txt"), "a test").unwrap();
        fs::create_dir(directory.path().join("scratch")).unwrap();
        #[cfg(unix)]
        for path in [directory.path().to_owned(), directory.path().join("scratch")] {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let config = format!(
            "[databases.app]\nurl = \"{url}\"\n[backup]\nstore = \"store\"\nrecipients = [\"{}\"]\n\
             [drill]\nport = {}\ndirectory = \"scratch\"\nidentities = [\"identity.txt\"]\n[retention]\n{retention}",
            pair.recipient(),
            unisys_testkit::free_port()
        );
        let place = Self { directory };
        fs::write(place.path("unisys-dba.toml"), config).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
        command.current_dir(self.directory.path()).env_clear().env("HOME", self.directory.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if let Some(directory) = unisys_testkit::search().directory {
            command.env("UNISYS_DBA_PROGRAMS_DIRECTORY", directory);
        }
        command.args(words);
        command
    }

    fn run(&self, code: i32, words: &[&str]) -> Output {
        let output = self.command(words).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", stderr(&output));
        output
    }

    fn json(&self, code: i32, words: &[&str]) -> Value {
        let output = self.run(code, &[words, &["--format", "json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Returns the names in the store but for locks and the index, in order.
    fn names(&self, store: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(store)).unwrap().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| {
            !name.starts_with(".lock-")
                && ![".index.json", ".holds", "store.json", "history"].contains(&name.as_str())
        });
        names.sort();
        names
    }

    /// Puts a small backup into a store, with more files than the manifest names.
    fn fake(&self, store: &str, database: &str, day: &str, files: usize) -> String {
        let id = format!("{database}_{}T020000Z_0000", day.replace('-', ""));
        let directory = self.path(store).join(&id);
        fs::create_dir_all(&directory).unwrap();
        for number in 0..files {
            fs::write(directory.join(format!("{number}")), "x").unwrap();
        }
        fs::write(directory.join("database.dump.zst.age"), "x").unwrap();
        let manifest = json!({
            "format": 1, "id": id, "database": database, "system_identifier": "1",
            "moment": format!("{day}T02:00:00Z"), "lsn": "0/0", "seconds": 1.0, "layout": "single",
            "made_by": "a test", "server_version": "15.1", "pg_dump_version": "15.1", "database_bytes": 1,
            "copy_encoding": "UTF8", "recipients": [], "large_objects": {"objects": 0}, "warnings": [],
            "tables": [{"schema": "public", "name": "students", "rows": 500, "bytes": 1}],
            "files": [{"name": "database.dump.zst.age", "bytes": 1, "sha256": "", "content_bytes": 1}],
        });
        fs::write(directory.join("manifest.json"), manifest.to_string()).unwrap();
        id
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn url(target: &Target) -> String {
    let host = target.hosts.first().unwrap();
    format!("postgresql://{}@/{}?host={}&port={}", target.user, target.database, host.address, host.port)
}

async fn execute(target: &Target, sql: &str) {
    Session::open(target).await.unwrap().batch_execute(sql).await.unwrap();
}

fn made(document: &Value) -> String {
    document["backup"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_with_pruning_and_what_is_proven_pinned_or_in_doubt_stays() {
    let target = unisys_testkit::database_with(SOURCE).await;
    let place = Place::new(
        &format!("{NOTHING}keep-proven = 1\nmax-proof-age = \"7d\"\nkeep-tags = [\"audit\"]\n"),
        &url(&target),
    );
    let run = |code: i32| place.json(code, &["backup", "run", "--quiet"]);

    let first = made(&run(0));
    // nothing is proven: the second one does not push the first one out
    let held = run(0);
    assert_eq!(held["retention"]["outcome"], "held");
    assert_eq!(held["retention"]["holds"][0]["why"], "unproven");
    assert_eq!(place.names("store").len(), 2);
    place.run(0, &["drill", &first]);

    let tagged = place.json(0, &["backup", "run", "--quiet", "--tag", "audit"]);
    assert_eq!(tagged["backup"]["tags"], json!(["audit"]));
    assert_eq!(tagged["retention"]["outcome"], "pruned");
    assert_eq!(tagged["retention"]["removals"][0]["id"], made(&held));
    let newest = run(0);
    assert_eq!(newest["retention"]["outcome"], "nothing");
    let mut stay = [first.clone(), made(&tagged), made(&newest)];
    stay.sort(); // of one second, their names say no order
    assert_eq!(place.names("store"), stay);
    place.run(0, &["backup", "pin", &made(&newest), "--reason", "before the move"]);
    let shown = stdout(&place.run(0, &["backup", "show", &made(&newest)]));
    assert!(shown.contains(": before the move"), "{shown}");
    assert!(stdout(&place.run(0, &["backup", "list"])).contains("pinned"));
    place.run(0, &["backup", "check", &made(&newest)]);

    execute(&target, "truncate students").await;
    let output = place.run(0, &["backup", "run"]);
    let told = stderr(&output);
    assert!(!told.contains("held"), "nothing would go: {told}");
    execute(&target, "insert into rooms values (2)").await;
    let output = place.run(0, &["backup", "run"]);
    let told = stderr(&output);
    assert!(
        told.contains("pruning of ") && told.contains("public.students is empty (it had 500 rows)"),
        "{told}"
    );
    assert!(told.contains("--even-though shrunk"), "{told}");
    assert_eq!(place.names("store").len(), 5);

    assert_eq!(place.json(4, &["backup", "prune", "--yes"])["outcome"], "held");
    place.run(2, &["backup", "prune", "--even-though", "shrunk"]);
    assert_eq!(place.names("store").len(), 5, "nobody said yes");
    let pruned = place.json(0, &["backup", "prune", "--even-though", "shrunk", "--yes"]);
    assert_eq!((pruned["outcome"].as_str(), pruned["removed"].as_u64()), (Some("pruned"), Some(1)));
    place.run(0, &["backup", "unpin", &made(&newest)]);
    let accepted = run(0);
    assert_eq!(accepted["retention"]["outcome"], "pruned");
    let mut stay = [first.clone(), made(&tagged), made(&accepted)];
    stay.sort();
    assert_eq!(place.names("store"), stay);
    place.run(0, &["drill", &first]);
    assert_eq!(place.json(0, &["backup", "prune", "--yes"])["outcome"], "nothing");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_whose_pruning_fails_is_complete_and_the_answer_five() {
    use std::os::unix::fs::PermissionsExt;
    let target = unisys_testkit::database_with(SOURCE).await;
    let place = Place::new(&format!("{NOTHING}max-proof-age = \"\"\n"), &url(&target));
    let first = made(&place.json(0, &["backup", "run"]));
    let obstacle = place.path("store").join(&first);
    let root = unisys_ops::platform::is_root();
    if root {
        // root may remove anything but what something is mounted on
        let mounted = Command::new("mount").args(["--bind"]).args([&obstacle, &obstacle]).status();
        if !mounted.is_ok_and(|status| status.success()) {
            return; // a container that may not mount
        }
    } else {
        fs::set_permissions(&obstacle, fs::Permissions::from_mode(0o500)).unwrap();
    }
    let output = place.command(&["backup", "run", "--format", "json"]).output().unwrap();
    if root {
        assert!(Command::new("umount").arg(&obstacle).status().unwrap().success());
    }
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (document["outcome"].as_str(), document["retention"]["outcome"].as_str()),
        (Some("ok"), Some("failed"))
    );
    assert!(place.names("store").contains(&made(&document)));
    assert!(stderr(&output).contains("could not be removed"), "{}", stderr(&output));
    if root {
        let pruned = place.json(0, &["backup", "prune", "--yes"]);
        assert_eq!(pruned["removed"], 1);
    }
    place.run(0, &["backup", "run", "--no-prune"]);
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_changed() {
    let place = Place::new(&format!("{NOTHING}max-proof-age = \"\"\n"), "postgresql://h/app");
    for day in ["2026-01-01", "2026-01-02", "2026-01-03"] {
        place.fake("store", "app", day, 0);
    }
    let before = place.names("store");
    let output = place.run(2, &["backup", "prune"]);
    assert!(
        stderr(&output).contains("no rule keeps it") && stderr(&output).contains("Add --yes."),
        "{}",
        stderr(&output)
    );
    assert_eq!(output.stdout, b"");
    place.run(0, &["backup", "prune", "--dry-run"]);
    assert_eq!(place.names("store"), before);
    let output = place.run(0, &["backup", "prune", "--yes"]);
    assert!(stdout(&output).lines().all(|line| line.chars().count() <= 80), "{}", stdout(&output));
    assert_eq!(place.names("store"), before[2..]);
    assert_eq!(stdout(&place.run(0, &["backup", "prune", "--yes"])).matches("keep").count(), 1);
}

#[test]
fn each_store_and_database_has_its_own_rules() {
    let place = Place::new(&format!("{NOTHING}max-proof-age = \"\"\n"), "postgresql://h/app");
    let config = fs::read_to_string(place.path("unisys-dba.toml")).unwrap();
    let own = "[databases.crm]\nurl = \"postgresql://h/crm\"\nstore = \"other\"\nretention = [\"last 2\"]\n";
    fs::write(place.path("unisys-dba.toml"), format!("{own}{config}")).unwrap();
    for day in ["2026-01-01", "2026-01-02", "2026-01-03"] {
        for (store, database) in [("store", "app"), ("store", "app-prod"), ("other", "crm"), ("other", "app")]
        {
            place.fake(store, database, day, 0);
        }
    }
    let document = place.json(0, &["backup", "prune", "--yes", "--database", "crm"]);
    assert_eq!(
        (document["removed"].as_u64(), place.names("other").len(), place.names("store").len()),
        (Some(1), 5, 6)
    );
    let document = place.json(0, &["backup", "prune", "--yes"]);
    assert_eq!(document["stores"].as_array().unwrap().len(), 2);
    assert_eq!(place.names("store").len(), 2);
    assert_eq!(
        place.names("other"),
        ["app_20260103T020000Z_0000", "crm_20260102T020000Z_0000", "crm_20260103T020000Z_0000"]
    );
}

#[test]
fn a_policy_that_keeps_nothing_is_refused() {
    let place = Place::new(&NOTHING.replace("keep-last = 1", "keep-last = 0"), "postgresql://h/app");
    place.fake("store", "app", "2026-01-01", 0);
    for words in [&["backup", "prune", "--yes"][..], &["backup", "run"]] {
        let output = place.run(3, words);
        assert!(stderr(&output).contains("the retention of app keeps nothing"), "{}", stderr(&output));
    }
    assert_eq!(place.names("store").len(), 1);
}

#[cfg(unix)]
#[test]
fn a_prune_that_is_killed_is_finished_by_the_next() {
    use nix::sys::signal::{Signal, kill};
    let place = Place::new(&format!("{NOTHING}max-proof-age = \"\"\n"), "postgresql://h/app");
    let days = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"];
    // the first takes a while to delete
    let files = |day: &str| if day == days[0] { 3000 } else { 10 };
    let ids: Vec<String> = days.iter().map(|day| place.fake("store", "app", day, files(day))).collect();
    let removing = |names: &[String]| names.iter().any(|name| name.starts_with(".partial-"));
    let mut child = place.command(&["backup", "prune", "--yes"]).stdout(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while !removing(&place.names("store")) {
        assert!(Instant::now() < end && child.try_wait().unwrap().is_none(), "it was never seen at work");
    }
    kill(nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGKILL).unwrap();
    child.wait().unwrap();
    let names = place.names("store");
    assert!(removing(&names) && names.contains(&ids[3]), "{names:?}");
    let listed = place.json(0, &["backup", "list"]);
    let whole = |id: &str| place.path("store").join(id).join("manifest.json").exists();
    let listed: Vec<&str> =
        listed["backups"].as_array().unwrap().iter().map(|b| b["id"].as_str().unwrap()).collect();
    assert!(listed.iter().all(|id| whole(id)), "no half of a backup is listed");
    place.run(0, &["backup", "prune", "--yes"]);
    // a run that finds nothing to remove takes no lock: what is left is for the next that does
    place.fake("store", "app", "2026-01-05", 0);
    place.run(0, &["backup", "prune", "--yes"]);
    assert_eq!(place.names("store"), ["app_20260105T020000Z_0000"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_store_that_cannot_be_written_is_told_and_left_as_it_is() {
    if !unisys_ops::platform::is_root() {
        return; // only root can mount
    }
    let place = Place::new(&format!("{NOTHING}max-proof-age = \"\"\n"), "postgresql://h/app");
    for day in ["2026-01-01", "2026-01-02"] {
        place.fake("store", "app", day, 0);
    }
    let store: &Path = &place.path("store");
    let mount =
        |options: &[&str]| Command::new("mount").args(options).arg(store).status().is_ok_and(|s| s.success());
    if !Command::new("mount").arg("--bind").args([store, store]).status().is_ok_and(|s| s.success()) {
        return; // a container that may not mount
    }
    let read_only = mount(&["-o", "remount,bind,ro"]);
    let output = place.command(&["backup", "prune", "--yes"]).output().unwrap();
    assert!(Command::new("umount").arg(store).status().unwrap().success() && read_only);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("could not prune app") && stderr(&output).contains("Read-only"),
        "{}",
        stderr(&output)
    );
    assert_eq!(place.names("store").len(), 2);
}

//! The program with a bucket for a store, on a real S3 server: the whole path, and trouble on it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use unisys_db::Session;
use unisys_testkit::faults::{Proxy, Trouble};
use unisys_testkit::s3::{KEY, S3Server};

/// A table of about 12 MB in a backup, however it is compressed.
fn bulk(name: &str) -> String {
    format!(
        "create table {name} (id integer, filler text);
         insert into {name} select g, (select string_agg(md5(random()::text), '') from generate_series(1, 20) where g > 0)
         from generate_series(1, 40000) g;"
    )
}

/// A database, a bucket behind a proxy, a key and a configuration.
pub(crate) struct Site {
    pub(crate) server: S3Server,
    pub(crate) proxy: Proxy,
    directory: TempDir,
    database: String,
}

impl Site {
    pub(crate) async fn new(source: &str, settings: &str) -> Self {
        let target = unisys_testkit::database_with(source).await;
        let server = S3Server::start();
        let proxy = Proxy::before(server.port());
        let directory = tempfile::tempdir().unwrap();
        #[cfg(unix)]
        unisys_ops::platform::create_passable_dir(directory.path()).unwrap();
        let pair = unisys_ops::keys::KeyPair::generate();
        pair.write(&directory.path().join("identity.txt"), "a test").unwrap();
        let host = target.hosts.first().unwrap();
        let config = format!(
            "[databases.app]\nurl = \"postgresql://postgres@/{}?host={}&port={}\"\n\
             [backup]\nstore = \"s3://nightly/app\"\nrecipients = [\"{}\"]\n{settings}\
             [drill]\nport = {}\nidentities = [\"identity.txt\"]\n\
             [s3]\nendpoint = \"{}\"\ndirectory = \"buckets\"\npatience = \"2s\"\n",
            target.database,
            host.address,
            host.port,
            pair.recipient(),
            unisys_testkit::free_port(),
            proxy.endpoint(),
        );
        fs::write(directory.path().join("unisys-dba.toml"), config).unwrap();
        Self { server, proxy, directory, database: target.database }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
        command.current_dir(self.directory.path()).env_clear().env("HOME", self.directory.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if let Some(directory) = unisys_testkit::search().directory {
            command.env("UNISYS_DBA_PROGRAMS_DIRECTORY", directory);
        }
        command.env("AWS_ACCESS_KEY_ID", KEY.0).env("AWS_SECRET_ACCESS_KEY", KEY.1).args(words);
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Runs what must end with this code; returns its JSON.
    pub(crate) fn json(&self, words: &[&str], code: i32) -> Value {
        let output = self.run(&[words, &["--format", "json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Waits while `child` runs and `wanted` does not hold yet.
    pub(crate) fn wait_for(child: &mut Child, mut wanted: impl FnMut() -> bool) {
        let patience = Instant::now() + Duration::from_secs(60);
        while !wanted() {
            assert!(child.try_wait().unwrap().is_none(), "it ended before that");
            assert!(Instant::now() < patience, "waited in vain");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_path_with_a_bucket_for_a_store() {
    let site = Site::new(&format!("{} create table empty ()", bulk("large")), "").await;
    let doctor = site.run(&["doctor"]);
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(told.contains("s3://nightly/app: written, read, listed, deleted"), "{told}");
    let made = site.json(&["backup", "run"], 0);
    let id = made["backup"]["id"].as_str().unwrap();
    assert_eq!(made["backup"]["path"], format!("s3://nightly/app/{id}"));
    assert_eq!(site.json(&["backup", "list"], 0)["backups"][0]["state"], "unproven");
    let shown = String::from_utf8(site.run(&["backup", "show"]).stdout).unwrap();
    assert!(shown.contains(&format!("s3://nightly/app/{id}")), "{shown}");
    assert_eq!(
        site.json(&["backup", "check", "--read-data"], 0)["backups"][0]["findings"],
        Value::Array(vec![])
    );
    assert_eq!(site.json(&["drill"], 0)["outcome"], "proven");
    assert_eq!(site.json(&["backup", "list"], 0)["backups"][0]["state"], "proven");
    let name = format!("{}_back", site.database);
    let restored = site.run(&["restore", "latest", "--to", &name, "--yes", "--verify"]);
    assert_eq!(restored.status.code(), Some(0), "{}", stderr(&restored));
    let copy = unisys_testkit::server().with_database(&name);
    let rows =
        Session::open(&copy).await.unwrap().query_one("select count(*) from large", &[]).await.unwrap();
    assert_eq!(rows.get::<_, i64>(0), 40_000);
    let plain = site.run(&["backup", "decrypt", "latest", "--output", "plain.sql"]);
    assert_eq!(plain.status.code(), Some(0), "{}", stderr(&plain));
    assert_eq!(fs::read_dir(site.path("buckets")).unwrap().count(), 1, "locks are where they were wanted");
    assert!(site.server.stray_parts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_pruned_and_the_proven_backup_stays_and_so_do_the_drills_of_what_goes() {
    let only_the_newest = "[retention]\nkeep-proven = 1\nkeep-last = 1\nkeep-daily = 0\nkeep-weekly = 0\nkeep-monthly = 0\nkeep-yearly = 0\n";
    let site =
        Site::new("create table small (id integer); insert into small values (1)", only_the_newest).await;
    let run = || site.json(&["backup", "run"], 0)["backup"]["id"].as_str().unwrap().to_owned();
    let proven = run();
    assert_eq!(site.json(&["drill"], 0)["outcome"], "proven");
    let (goes, newest) = (run(), run());
    let listed = site.json(&["backup", "list"], 0);
    let ids: Vec<&str> =
        listed["backups"].as_array().unwrap().iter().map(|backup| backup["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [newest.as_str(), proven.as_str()]);
    assert!(site.server.names().iter().all(|name| !name.contains(&goes)), "{:?}", site.server.names());
    assert_eq!(site.json(&["backup", "check", "--all"], 0)["backups"].as_array().unwrap().len(), 2);
    let again = site.json(&["backup", "prune", "--yes"], 0);
    assert_eq!(again["schema_version"], 1);
    assert_eq!(site.json(&["backup", "list"], 0)["backups"].as_array().unwrap().len(), 2);

    site.json(&["drill", &newest], 0);
    assert_eq!(site.json(&["backup", "prune", "--yes"], 0)["removed"], 1);
    let drills = |words: &[&str]| -> Vec<String> {
        let document = site.json(words, 0);
        let drills = document["drills"].as_array().unwrap();
        drills.iter().map(|drill| drill["backup"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(drills(&["drill", "list"]), [newest.as_str()]);
    assert_eq!(drills(&["drill", "list", "--all"]), [newest.as_str(), proven.as_str()]);
    let kept = |name: &String| name.contains("/history/") && name.contains(&proven);
    assert_eq!(site.server.names().iter().filter(|name| kept(name)).count(), 1, "{:?}", site.server.names());
    assert_eq!(site.json(&["backup", "list"], 0)["backups"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_in_the_middle_of_a_part_is_cleaned_by_the_next() {
    let site = Site::new(&bulk("large"), "").await;
    let part = |line: &str| line.starts_with("PUT ") && line.contains("partNumber=");
    for signal in [nix::sys::signal::Signal::SIGKILL, nix::sys::signal::Signal::SIGTERM] {
        site.proxy.trouble(usize::MAX, Trouble::Delay(Duration::from_secs(3)), |line| {
            line.contains("partNumber=2")
        });
        let before = site.proxy.troubled();
        let mut child =
            site.command(&["backup", "run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Site::wait_for(&mut child, || {
            site.proxy.troubled() > before && !site.server.stray_parts().is_empty()
        });
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
        child.wait().unwrap();
        site.proxy.calm();
        let backups = site.json(&["backup", "list"], 0);
        assert_eq!(backups["backups"], Value::Array(vec![]), "{signal}");
    }
    site.proxy.trouble(1, Trouble::CutRequest, part);
    site.json(&["backup", "run"], 0);
    assert!(site.server.stray_parts().is_empty(), "{:?}", site.server.stray_parts());
    let manifests = site.server.names().into_iter().filter(|name| name.ends_with("facts.json.zst.age"));
    assert_eq!(manifests.count(), 1, "{:?}", site.server.names());
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_small_with_many_workers_and_a_slow_server() {
    let tables: String = (0..8).map(|number| bulk(&format!("large_{number}"))).collect();
    let site = Site::new(&tables, "").await;
    site.proxy
        .trouble(usize::MAX, Trouble::Delay(Duration::from_millis(700)), |line| line.contains("partNumber"));
    let mut command = site.command(&["backup", "run", "--jobs", "12"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(site.proxy.troubled() >= 16, "parts were held up: {}", site.proxy.troubled());
    assert!((20 * 1024..150 * 1024).contains(&peak), "{peak} kB");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_bucket_is_told_with_what_to_do() {
    let site = Site::new("create table t ()", "").await;
    let refused = |change: &dyn Fn(&mut Command) -> &mut Command, code: i32| {
        let mut command = site.command(&["backup", "list"]);
        change(&mut command);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        stderr(&output)
    };
    let told = refused(&|command| command.env("AWS_SECRET_ACCESS_KEY", "not-the-secret"), 1);
    assert!(
        told.contains("could not list s3://nightly/app/: 403") && told.contains("Correct the key"),
        "{told}"
    );
    assert!(!told.contains("not-the-secret"));
    let told = refused(&|command| command.env_remove("AWS_ACCESS_KEY_ID"), 3);
    assert!(told.contains("neither AWS_ACCESS_KEY_ID") && told.contains("s3://PROFILE@bucket"), "{told}");
    let told = refused(&|command| command.env("UNISYS_DBA_BACKUP_STORE", "s3://no-such-bucket"), 1);
    assert!(told.contains("NoSuchBucket") && told.contains("it is not made here"), "{told}");
    let nobody = format!("http://127.0.0.1:{}", unisys_testkit::free_port());
    let told = refused(&|command| command.env("UNISYS_DBA_S3_ENDPOINT", &nobody), 1);
    assert!(told.contains("refused") && told.contains("Check s3.endpoint"), "{told}");
    let told = refused(&|command| command.env("UNISYS_DBA_BACKUP_STORE", "https://nightly"), 3);
    assert!(told.contains("not a URL of https"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_fails_is_exit_five_and_catches_up_and_stands_in_for_the_first_store() {
    let mut site = Site::new(&bulk("large"), "copies = [\"near\", \"s3://nightly/far\"]\n").await;
    let config = fs::read_to_string(site.path("unisys-dba.toml")).unwrap();
    fs::write(site.path("unisys-dba.toml"), config.replace("s3://nightly/app", "first")).unwrap();
    site.server.stop();
    let made = site.json(&["backup", "run"], 5);
    let id = made["backup"]["id"].as_str().unwrap();
    assert_eq!((&made["outcome"], &made["copies"][0]["outcome"]), (&"ok".into(), &"ok".into()));
    assert_eq!(made["copies"][1]["outcome"], "failed");
    assert!(made["copies"][1]["problem"].as_str().unwrap().contains("s3://nightly/far"), "{made}");
    assert!(site.path("first").join(id).join("manifest.json").exists(), "a failed copy undoes nothing");
    site.server.resume();
    let listed = site.json(&["backup", "list"], 0);
    assert_eq!((&listed["copies"][0]["backups"], &listed["copies"][1]["backups"]), (&0.into(), &1.into()));
    let made = site.json(&["backup", "run"], 0);
    assert_eq!(made["copies"][1]["copied"].as_array().unwrap().len(), 2, "{made}");
    assert_eq!(made["copies"][1]["backups"], 0);
    let text = String::from_utf8(site.run(&["backup", "list"]).stdout).unwrap();
    assert!(text.contains("in s3://nightly/far: up to date"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");

    fs::remove_dir_all(site.path("first")).unwrap();
    fs::remove_dir_all(site.path("near")).unwrap();
    assert_eq!(site.json(&["drill", id], 0)["outcome"], "proven");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_room_for_another_is_not_begun_with() {
    let site = Site::new(&bulk("large"), "").await;
    let config = fs::read_to_string(site.path("unisys-dba.toml")).unwrap();
    fs::write(site.path("unisys-dba.toml"), config.replace("s3://nightly/app", "first")).unwrap();
    let made = site.json(&["backup", "run"], 0);
    let id = made["backup"]["id"].as_str().unwrap();
    // a manifest that tells of a file no disk has room for
    let manifest = site.path("first").join(id).join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let mut json: Value = serde_json::from_str(&text).unwrap();
    json["files"][0]["bytes"] = (1_u64 << 60).into();
    fs::write(&manifest, json.to_string()).unwrap();
    let output = site.run(&["backup", "run"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("are needed") && stderr(&output).contains("Free some space"),
        "{}",
        stderr(&output)
    );
    let backups = || {
        let entries = fs::read_dir(site.path("first")).unwrap().flatten();
        entries.filter(|e| e.path().is_dir() && !e.file_name().to_string_lossy().starts_with('.')).count()
    };
    assert_eq!(backups(), 1);
    assert!(stderr(&output).contains("--no-space-check"), "{}", stderr(&output));
    site.json(&["backup", "run", "--no-space-check"], 0);
    let mut command = site.command(&["backup", "run"]);
    let output = command.env("UNISYS_DBA_BACKUP_SPACE_CHECK", "false").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(backups(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn init_takes_a_bucket() {
    let site = Site::new("create table t ()", "").await;
    let host = unisys_testkit::server().hosts.first().cloned().unwrap();
    let url = format!("postgresql://postgres@/{}?host={}&port={}", site.database, host.address, host.port);
    let words = ["init", "--config", "new.toml", "--database", "own", "--url", &url, "--no-recovery-key"];
    let made = site.run(&[&words[..], &["--store", "s3://nightly/own/"]].concat());
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let text = fs::read_to_string(site.path("new.toml")).unwrap();
    assert!(text.contains("store = \"s3://nightly/own\""), "{text}");
    let wrong = site.run(&[
        "init",
        "--config",
        "other.toml",
        "--database",
        "own",
        "--url",
        &url,
        "--store",
        "s3://x",
    ]);
    assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
}

//! `open`: a backup served for a while, as its user meets it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use unisys_testkit::{database_with, free_port};

use crate::place::World;

const APP: &str = "create schema app; create table app.child (id serial primary key, note text);
    insert into app.child (note) select 'n' || g from generate_series(1, 500) g;
    create table app.other as select 1 as a";

/// The program serving a backup, and where it does.
struct Serving {
    child: Child,
    said: String,
    scratch: tempfile::TempDir,
}

impl Serving {
    /// Starts it, and reads what it says until `last` is said.
    fn start(world: &World, args: &[&str], last: &str) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        unisys_ops::platform::create_passable_dir(scratch.path()).unwrap();
        let mut command = world.command(&[&["open", "latest"], args].concat());
        command.env("UNISYS_DBA_DRILL_PORT", free_port().to_string());
        command.env("UNISYS_DBA_DRILL_DIRECTORY", scratch.path());
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        while !said.contains(last) {
            assert!(lines.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        }
        Self { child, said, scratch }
    }

    fn end_by(mut self, signal: Signal) -> Option<i32> {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
        let code = self.child.wait().unwrap().code();
        self.assert_gone();
        code
    }

    /// The supervisor needs a moment when the program was killed.
    fn assert_gone(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while std::fs::read_dir(self.scratch.path()).unwrap().count() > 0 {
            assert!(Instant::now() < end, "the scratch server's directory is still there");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn sh(line: &str) -> std::process::Output {
    let mut command = Command::new("/bin/sh");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let bin = unisys_testkit::programs().bin().to_owned();
    let paths = std::iter::once(bin).chain(std::env::split_paths(&path));
    command.args(["-c", line]).env_clear().env("PATH", std::env::join_paths(paths).unwrap());
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_to_type_works_and_ctrl_c_is_its_end() {
    let source = database_with(APP).await;
    let target = unisys_testkit::database_with("create schema app").await;
    let world = World::new(&[("src", &source)]);
    world.backup("src");
    let serving = Serving::start(&world, &["--tables", "app.child"], "Ctrl-C");
    let lines: Vec<&str> = serving.said.lines().collect();
    let line = |start: &str| *lines.iter().find(|line| line.trim_start().starts_with(start)).unwrap();
    let typed = |start: &str| format!("{}\n{}", line("C=").trim(), line(start).trim());
    assert!(
        lines.iter().all(|line| line.contains("host=") || line.chars().count() <= 80),
        "{}",
        serving.said
    );
    let look = sh(&format!("{} -XAtc 'select count(*) from app.child'", typed("psql \"$C\"")));
    assert_eq!(String::from_utf8_lossy(&look.stdout), "500\n", "{look:?}");
    let into = format!(
        "host={} port={} user=postgres dbname={}",
        target.hosts[0].address, target.hosts[0].port, target.database
    );
    let taken = sh(&typed("pg_dump ").replace("psql -d DATABASE", &format!("psql -Xqd '{into}'")));
    assert!(taken.status.success(), "{taken:?}");
    assert_eq!(crate::place::value(&target, "select count(*) from app.child").await.unwrap(), "500");
    let closed = sh(&format!("{} -XAtc 'select * from app.other'", typed("psql \"$C\"")));
    assert!(String::from_utf8_lossy(&closed.stderr).contains("permission denied"), "{closed:?}");
    assert_eq!(serving.end_by(Signal::SIGINT), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_vanishes_when_it_is_killed_and_when_its_time_is_over() {
    let source = database_with(APP).await;
    let world = World::new(&[("src", &source)]);
    let id = world.backup("src");
    let serving = Serving::start(&world, &["--format", "json", "--ttl", "1h"], "\n}\n");
    let facts: serde_json::Value = serde_json::from_str(&serving.said).unwrap();
    assert_eq!((facts["outcome"].as_str(), facts["backup"].as_str()), (Some("open"), Some(id.as_str())));
    assert_eq!((facts["rows"].as_u64(), facts["tables"].is_null()), (Some(501), true));
    assert!(Path::new(facts["passfile"].as_str().unwrap()).is_file() && facts["closes"].is_string());
    let look = sh(&format!(
        "psql -XAtc 'select count(*) from app.other' \"{}\"",
        facts["conninfo"].as_str().unwrap()
    ));
    assert_eq!(String::from_utf8_lossy(&look.stdout), "1\n", "{look:?}");
    assert_eq!(serving.end_by(Signal::SIGKILL), None);

    let mut short = Serving::start(&world, &["--ttl", "1s"], "Ctrl-C");
    assert_eq!(short.child.wait().unwrap().code(), Some(0));
    short.assert_gone();
}

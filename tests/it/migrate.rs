//! `migrate` as a person runs it, on a directory of migrations: killed, refused, and going on.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use unisys_db::connect::HostAddress;
use unisys_db::{Session, Target};

/// A database and a directory of migrations.
struct Site {
    directory: TempDir,
    target: Target,
}

impl Site {
    async fn new(files: &[(&str, &str)]) -> Self {
        let site = Self { directory: tempfile::tempdir().unwrap(), target: unisys_testkit::database().await };
        fs::create_dir(site.migrations()).unwrap();
        for (name, text) in files {
            site.write(name, text);
        }
        site
    }

    fn migrations(&self) -> PathBuf {
        self.directory.path().join("migrations")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.migrations().join(name), text).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let HostAddress::Socket(socket) = &self.target.hosts[0].address else { unreachable!("a socket") };
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
        command.current_dir(self.directory.path()).env_clear().env("HOME", self.directory.path());
        command.env("PGHOST", socket).env("PGPORT", self.target.hosts[0].port.to_string());
        command.env("PGUSER", "postgres").env("PGDATABASE", &self.target.database);
        command.args(["migrate", "--dir", "migrations"]).args(words);
        command
    }

    /// Runs the program to its end: its exit code, answer, and what else it says.
    fn run(&self, words: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(words).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }

    fn start(&self, words: &[&str]) -> Child {
        self.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    async fn session(&self) -> Session {
        Session::open(&self.target).await.unwrap()
    }
}

async fn until(session: &Session, condition: &str) {
    let begun = Instant::now();
    while !session.query_one(condition, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(begun.elapsed() < Duration::from_secs(60), "in vain: {condition}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const FIRST: (&str, &str) =
    ("V0001__first.sql", "-- unisys:owner login\ncreate schema shop authorization shop_owner;\n");

/// Nothing but the name of an owner, who is made before the first one.
const OWNED: (&str, &str) = ("V0002__owned.sql", "-- unisys:owner shop_owner\nselect 1;\n");

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_leaves_no_lock_and_no_half_and_the_next_one_goes_on() {
    let inside =
        "-- unisys:owner shop_owner\ncreate table shop.t (id int);\nselect pg_sleep(600); /* gate */\n";
    let site = Site::new(&[FIRST, ("V0002__table.sql", inside)]).await;
    let watcher = site.session().await;
    let mut run = site.start(&["up", "--yes"]);
    let gate = "select exists (select from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and state = 'active' and query like '%/* gate */%')";
    until(&watcher, gate).await;
    run.kill().unwrap(); // SIGKILL
    run.wait().unwrap();
    // The server is asleep in a statement, and was told to look whether its client lives.
    let gone = gate.replace("select exists", "select not exists");
    until(&watcher, &gone).await;
    let table = "select not exists (select from pg_class where relname = 't')";
    until(&watcher, table).await;
    site.write("V0002__table.sql", "-- unisys:owner shop_owner\ncreate table shop.t (id int);\n");
    let (code, _, stderr) = site.run(&["up", "--yes"]);
    assert_eq!(code, 0, "{stderr}");
    let (code, status, _) = site.run(&["status", "--format", "json"]);
    assert_eq!((code, status.matches("\"applied\"").count()), (0, 2), "{status}");
}

#[tokio::test]
async fn plan_status_and_verify_answer_with_their_exit_codes() {
    let site = Site::new(&[FIRST, OWNED]).await;
    assert_eq!(site.run(&["status"]).0, 4);
    assert_eq!(site.run(&["plan"]).0, 0);
    assert_eq!(site.run(&["verify"]).0, 0);
    let (code, _, stderr) = site.run(&["up"]);
    assert_eq!(code, 2, "without a terminal nothing is applied unasked: {stderr}");
    assert_eq!(site.run(&["up", "--yes"]).0, 0);
    assert_eq!(site.run(&["status"]).0, 0);
    site.write("V0003__bad.sql", "-- unisys:owner shop_owner\ncommit;\ndrop schema shop;\n");
    let (code, plan, _) = site.run(&["plan"]);
    assert_eq!(code, 4);
    assert!(plan.contains("V0003__bad.sql, line 2: COMMIT has no place here"), "{plan}");
    let (code, _, stderr) = site.run(&["up", "--yes"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("line 2: COMMIT") && stderr.contains("line 3: DROP SCHEMA"), "{stderr}");
    fs::remove_file(site.migrations().join("V0003__bad.sql")).unwrap();
    site.write("V0001__first.sql", &format!("{}-- more\n", FIRST.1));
    let (code, answer, _) = site.run(&["verify"]);
    assert!(code == 4 && answer.contains("edited since"), "{answer}");
    let (code, _, stderr) = site.run(&["baseline", "1", "--yes"]);
    assert!(code == 1 && stderr.contains("the database has a history: 2 migrations"), "{stderr}");
}

#[tokio::test]
async fn an_edited_file_is_accepted_with_a_reason_and_not_unasked() {
    let site = Site::new(&[FIRST, OWNED]).await;
    assert_eq!(site.run(&["up", "--yes"]).0, 0);
    site.write("V0001__first.sql", &format!("{}-- a comment\n", FIRST.1));
    let (code, _, stderr) = site.run(&["plan"]);
    assert!(code == 1 && stderr.contains("migrate repair --accept-checksum V0001 --reason WHY"), "{stderr}");
    let accept = ["repair", "--accept-checksum", "V0001", "--reason", "a comment"];
    let (code, planned, _) = site.run(&[&accept[..], &["--dry-run"]].concat());
    assert!(code == 0 && planned.contains("V0001__first.sql counts as applied as it is now"), "{planned}");
    let (code, _, stderr) = site.run(&accept);
    assert!(
        code == 2 && stderr.contains("Add --yes"),
        "without a terminal nothing is done unasked: {stderr}"
    );
    assert_eq!(site.run(&["verify"]).0, 4);
    let (code, done, stderr) = site.run(&[&accept[..], &["--yes", "--format", "json"]].concat());
    assert_eq!(code, 0, "{stderr}");
    let done: serde_json::Value = serde_json::from_str(&done).unwrap();
    assert_eq!((&done["outcome"], &done["steps"][0]["version"]), (&"repaired".into(), &1.into()));
    assert_eq!(site.run(&["verify"]).0, 0);
    let (code, _, stderr) = site.run(&["repair", "--forget", "2", "--reason", "x", "--yes"]);
    assert!(code == 1 && stderr.contains("V0002__owned.sql is there"), "{stderr}");
    fs::remove_file(site.migrations().join("V0002__owned.sql")).unwrap();
    let (code, _, stderr) = site.run(&["plan"]);
    assert!(code == 1 && stderr.contains("migrate repair --forget V0002 --reason WHY"), "{stderr}");
    assert_eq!(site.run(&["repair", "--forget", "2", "--reason", "x", "--yes"]).0, 0);
    assert_eq!(site.run(&["status"]).0, 0);
}

#[tokio::test]
async fn a_database_of_the_configuration_has_its_own_migrations() {
    let site = Site::new(&[FIRST, OWNED]).await;
    fs::create_dir(site.directory.path().join("all")).unwrap();
    let HostAddress::Socket(socket) = &site.target.hosts[0].address else { unreachable!("a socket") };
    let url = format!(
        "host={} port={} user=postgres dbname={}",
        socket.display(),
        site.target.hosts[0].port,
        site.target.database
    );
    let text = format!(
        "[databases.shop]\nurl = \"{url}\"\nmigrations = \"migrations\"\n[databases.other]\nurl = \"{url}\"\n\
         [migrate]\ndir = \"all\"\n"
    );
    fs::write(site.directory.path().join("unisys-dba.toml"), text).unwrap();
    let versions = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
        command.current_dir(site.directory.path()).env_clear().env("HOME", site.directory.path());
        let output = command.args(["migrate", "plan", "--format", "json"]).args(words).output().unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["pending"].as_array().unwrap().len()
    };
    assert_eq!(versions(&["--database", "shop"]), 2, "its own");
    assert_eq!(versions(&["--database", "other"]), 0, "those for all");
    assert_eq!(versions(&["--database", "shop", "--dir", "all"]), 0, "those of the command line");
}

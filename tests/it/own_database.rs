//! A stranger's own database: a server, a directory with a configuration, and the program run against both.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use unisys_db::Session;
use unisys_ops::keys::KeyPair;
use unisys_ops::server::Scratch;

/// The password of the login `pw`, which no output may hold.
pub(crate) const PASSWORD: &str = "s3cret-of-pw";

/// A server with a database `app`, and a home.
pub(crate) struct OwnDatabase {
    /// The server.
    pub(crate) server: Scratch,
    /// The home directory of whoever runs the program; also where it is run.
    pub(crate) home: TempDir,
    /// A port for drills.
    pub(crate) drill_port: u16,
}

impl OwnDatabase {
    /// Starts a server with these settings, and runs `sql` in its database, statement by statement.
    pub(crate) async fn with(settings: &[(&str, &str)], sql: &[&str]) -> Self {
        let server = unisys_testkit::own_server(unisys_testkit::free_port(), settings).expect("a server");
        let home = tempfile::tempdir().expect("a directory");
        let this = Self { server, home, drill_port: unisys_testkit::free_port() };
        this.listen().await;
        for statement in sql {
            this.run_sql("app", statement).await;
        }
        this
    }

    /// Lets logins in by TCP: `pw` with a password, everybody else without.
    async fn listen(&self) {
        let hba = self.server.server().data.join("pg_hba.conf");
        let mut file = fs::OpenOptions::new().append(true).open(hba).expect("pg_hba.conf");
        file.write_all(b"host all pw 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n")
            .expect("two more lines");
        self.run_sql("postgres", "create database app").await;
        let role = format!("create role pw login superuser password '{PASSWORD}'");
        self.run_sql("postgres", &role).await;
        self.run_sql("postgres", "select pg_reload_conf()").await;
    }

    /// Runs one statement as the superuser.
    pub(crate) async fn run_sql(&self, database: &str, statement: &str) {
        let session = Session::open(&self.server.server().target(database)).await.expect("a session");
        session.batch_execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }

    /// Returns the url of the database for a login.
    pub(crate) fn url(&self, login: &str) -> String {
        format!("postgresql://{login}@127.0.0.1:{}/app", self.server.server().port)
    }

    /// Returns a path in the home directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Returns the program with an environment of its own.
    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
        command.current_dir(self.home.path()).env_clear().env("HOME", self.home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("UNISYS_DBA_DRILL_PORT", self.drill_port.to_string());
        command
    }

    /// Runs `init` for the database under the name `app`, with more arguments.
    pub(crate) fn init(&self, login: &str, more: &[&str]) -> Output {
        let mut command = self.program();
        command.args(["init", "--database", "app", "--store", "backups", "--url", &self.url(login)]);
        command.args(["--config", "unisys-dba.toml"]).args(more).output().expect("init")
    }

    /// Runs `init` as it should go, with a recovery key somebody has.
    pub(crate) fn initialised(&self, login: &str) {
        let recovery = KeyPair::generate().recipient();
        let output = self.init(login, &["--recovery-recipient", &recovery]);
        assert!(output.status.success(), "{}", told(&output));
    }

    /// Runs `doctor` after changing the configuration by `change`; returns its exit code and findings.
    pub(crate) fn doctor(&self, change: impl FnOnce(String) -> String) -> (i32, Vec<Value>) {
        let file = self.path("unisys-dba.toml");
        let text = fs::read_to_string(&file).expect("init has written it");
        fs::write(&file, change(text.clone())).expect("the changed one");
        let output = self.program().args(["doctor", "--format", "json"]).output().expect("doctor");
        fs::write(&file, text).expect("the old one again");
        findings(&output)
    }
}

/// Returns the exit code and the findings of a `doctor --format json`, which told no secret.
pub(crate) fn findings(output: &Output) -> (i32, Vec<Value>) {
    let everything = told(output);
    assert!(!everything.contains(PASSWORD) && !everything.contains("AGE-SECRET-KEY"), "{everything}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{everything}"));
    assert_eq!(document["schema_version"], 1);
    (output.status.code().expect("no signal"), document["findings"].as_array().expect("a list").clone())
}

/// Returns all that was written to both streams.
pub(crate) fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Returns the only finding of a check.
pub(crate) fn finding<'f>(findings: &'f [Value], check: &str) -> &'f Value {
    let found: Vec<&Value> = findings.iter().filter(|finding| finding["check"] == check).collect();
    assert_eq!(found.len(), 1, "{check}: {findings:?}");
    found[0]
}

/// Returns the files and directories below a directory, relative to it.
pub(crate) fn tree(directory: &std::path::Path) -> Vec<String> {
    fn walk(directory: &std::path::Path, prefix: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            walk(&entry.path(), &format!("{name}/"), found);
            found.push(name);
        }
    }
    let mut found = Vec::new();
    walk(directory, "", &mut found);
    found.sort();
    found
}

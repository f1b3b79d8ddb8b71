//! A directory with a configuration, a key and a store, and the program run in it.

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use unisys_db::{Session, Target};
use unisys_ops::keys::KeyPair;

/// The surroundings of one test.
pub(crate) struct World {
    directory: TempDir,
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// Returns the answer as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl World {
    /// Returns surroundings in which `databases` are configured.
    pub(crate) fn new(databases: &[(&str, &Target)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("tmp")).unwrap();
        let keys = KeyPair::generate();
        keys.write(&directory.path().join("key.txt"), "a test").unwrap();
        let mut text = format!(
            "[backup]\nstore = \"store\"\nrecipients = [\"{}\"]\n[drill]\nidentities = [\"key.txt\"]\n",
            keys.recipient()
        );
        for (name, target) in databases {
            text.push_str(&format!("[databases.{name}]\nurl = \"{}\"\n", conninfo(target)));
        }
        fs::write(directory.path().join("unisys-dba.toml"), text).unwrap();
        Self { directory }
    }

    /// Returns the program, not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
        command.args(args).current_dir(&self.directory).env_clear().env("HOME", self.directory.path());
        command.env("TMPDIR", self.directory.path().join("tmp"));
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        let output = self.command(args).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Starts the program.
    #[cfg(unix)]
    pub(crate) fn start(&self, args: &[&str]) -> std::process::Child {
        self.command(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Makes a backup of a configured database and returns its id.
    pub(crate) fn backup(&self, database: &str) -> String {
        let said = self.run(&["backup", "run", "--database", database, "--format", "json"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        said.json()["backup"]["id"].as_str().unwrap().to_owned()
    }

    /// Returns the names of what the program keeps in temporary directories.
    #[cfg(unix)]
    pub(crate) fn temporary_files(&self) -> Vec<String> {
        let list = |path: &std::path::Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
        let directories = list(&self.directory.path().join("tmp"));
        let files = directories.flat_map(|entry| list(&entry.path()).collect::<Vec<_>>());
        files.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    /// Flips one bit in the middle of a stored file.
    pub(crate) fn flip(&self, backup: &str, name: &str) {
        let path = self.directory.path().join("store").join(backup).join(name);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
}

/// Returns a target as libpq takes it.
pub(crate) fn conninfo(target: &Target) -> String {
    let host = &target.hosts[0];
    format!("host={} port={} user={} dbname={}", host.address, host.port, target.user, target.database)
}

/// Returns one value as text.
pub(crate) async fn value(target: &Target, sql: &str) -> Option<String> {
    let session = Session::open(target).await.unwrap();
    session.query_one(&format!("select ({sql})::text"), &[]).await.unwrap().get(0)
}

/// Runs statements.
pub(crate) async fn execute(target: &Target, sql: &str) {
    Session::open(target).await.unwrap().batch_execute(sql).await.unwrap();
}

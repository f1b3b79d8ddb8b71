//! `roles passwd` as a person runs it: where a password comes from, and where it must not be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use secrecy::SecretString;
use tempfile::TempDir;
use unisys_db::connect::HostAddress;
use unisys_db::roles::password::{self, Verdict};
use unisys_db::{Session, Target};
use unisys_ops::server::Scratch;
use unisys_testkit::{free_port, own_server};

use crate::passphrase::typing;

/// All that a server can write down.
const TALKATIVE: &[(&str, &str)] =
    &[("log_statement", "all"), ("log_min_duration_statement", "0"), ("log_min_error_statement", "debug5")];

/// A server with two logins, and a directory to work in.
struct Site {
    server: Scratch,
    directory: TempDir,
    target: Target,
}

impl Site {
    async fn new() -> Self {
        let server = own_server(free_port(), TALKATIVE).unwrap();
        let target = server.server().target("postgres");
        let site = Self { server, directory: tempfile::tempdir().unwrap(), target };
        let roles = "create role app_user login; create role maker login createrole";
        site.session().await.batch_execute(roles).await.unwrap();
        site
    }

    async fn session(&self) -> Session {
        Session::open(&self.target).await.unwrap()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn private(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let HostAddress::Socket(socket) = &self.target.hosts[0].address else { unreachable!("a socket") };
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
        command.current_dir(self.directory.path()).env_clear().env("HOME", self.directory.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("PGHOST", socket).env("PGPORT", self.target.hosts[0].port.to_string());
        command.env("PGUSER", "postgres").env("PGDATABASE", "postgres");
        command.args(["--verbose", "--log", "said.log", "roles", "passwd", "app_user"]).args(words);
        command
    }

    async fn verdict(&self, password: &str) -> Verdict {
        let holder = password::look(&self.session().await, "app_user").await.unwrap();
        holder.compare(&SecretString::from(password))
    }

    /// All that was written down on the way: by the program and by the server.
    fn written(&self) -> String {
        let said = fs::read_to_string(self.path("said.log")).unwrap_or_default();
        said + &fs::read_to_string(self.server.server().log()).unwrap()
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn a_password_of_every_source_is_set_and_written_nowhere() {
    let site = Site::new().await;
    site.private("secret.txt", "of-the-file 1ü\r\nand more\n");
    site.private("said.txt", "of-the-program-2\n");
    let policy = "version = 1\n[role.app_user]\nlogin = true\npassword = { env = \"APP_PASSWORD\" }\n";
    fs::write(site.path("policy.toml"), policy).unwrap();
    let mut said = String::new();
    let steps: [(&[&str], &str); 4] = [
        (&["--yes", "--env", "SOME"], "of-the-variable-0"),
        (&["--yes", "--file", "secret.txt"], "of-the-file 1ü"),
        (&["--yes", "--command", "cat", "said.txt", "-u"], "of-the-program-2"),
        (&["--policy", "policy.toml", "--yes"], "of-the-policy-3"),
    ];
    for (words, password) in steps {
        for expected in ["app_user has a new password", "app_user has this password already"] {
            let mut command = site.command(words);
            command.env("SOME", "of-the-variable-0").env("APP_PASSWORD", "of-the-policy-3");
            let output = command.output().unwrap();
            assert!(
                output.status.success() && told(&output).contains(expected),
                "{words:?}: {}",
                told(&output)
            );
            said += &told(&output);
        }
        assert_eq!(site.verdict(password).await, Verdict::Same, "{words:?}");
    }
    let typed = ["of-the-person-4", "of-the-person-4"];
    let output = typing(&typed, &site.command(&["--ask"])).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(site.verdict("of-the-person-4").await, Verdict::Same);
    said += &told(&output);

    let output = site.command(&["--yes", "--generate", "made.txt"]).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    said += &told(&output);
    let made = fs::read_to_string(site.path("made.txt")).unwrap();
    assert_eq!(site.verdict(made.trim_end()).await, Verdict::Same);
    assert_eq!(
        (made.len(), fs::metadata(site.path("made.txt")).unwrap().permissions().mode() & 0o777),
        (33, 0o600)
    );

    let written = said + &site.written();
    assert!(written.contains("new password for role app_user"), "the server's log says that it was done");
    for secret in ["of-the-", made.trim_end(), "SCRAM-SHA-256$"] {
        assert!(!written.contains(secret), "{secret} in {written}");
    }
}

#[tokio::test]
async fn what_goes_wrong_changes_nothing_and_tells_no_password() {
    let site = Site::new().await;
    fs::write(site.path("open.txt"), "hunter22-open\n").unwrap();
    fs::set_permissions(site.path("open.txt"), fs::Permissions::from_mode(0o644)).unwrap();
    site.private("empty.txt", "\nhunter22-below\n");
    site.private("long.txt", &"hunter22".repeat(200));
    site.private("there.txt", "hunter22-old\n");
    let cases: [(&[&str], i32, &str); 9] = [
        (&["--yes", "--env", "NOWHERE"], 3, "the variable NOWHERE is not set"),
        (&["--yes", "--file", "open.txt"], 1, "can be read by others"),
        (&["--yes", "--file", "nowhere.txt"], 1, "could not read the password file nowhere.txt"),
        (&["--yes", "--file", "empty.txt"], 1, "the password is empty"),
        (&["--yes", "--file", "long.txt"], 1, "the password has 1600 bytes"),
        (&["--yes", "--command", "sh", "-c", "echo hunter22; exit 3"], 1, "the password command sh failed"),
        (&["--yes", "--generate", "there.txt"], 2, "there is a file there.txt already"),
        (&["--ask"], 2, "there is no terminal"),
        (&["--env", "SOME"], 2, "Add --yes"),
    ];
    let mut said = String::new();
    for (words, code, expected) in cases {
        let output = site.command(words).env("SOME", "hunter22-secret").output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", told(&output));
        assert!(told(&output).contains(expected), "{words:?}: {}", told(&output));
        said += &told(&output);
    }
    let output = typing(&["hunter22-one", "hunter22-two"], &site.command(&["--ask"])).output().unwrap();
    assert!(told(&output).contains("the two passwords are not the same"), "{}", told(&output));
    said += &told(&output);

    // the server refuses: what was generated for it is nobody's password
    let mut refused = site.command(&["--yes", "--generate", "new.txt"]);
    let output = refused.env("PGOPTIONS", "-c default_transaction_read_only=on").output().unwrap();
    assert_eq!((output.status.code(), site.path("new.txt").exists()), (Some(1), false), "{}", told(&output));

    assert_eq!(site.verdict("hunter22-secret").await, Verdict::Other);
    let kept = "select rolpassword is null from pg_authid where rolname = 'app_user'";
    assert!(site.session().await.query_one(kept, &[]).await.unwrap().get::<_, bool>(0));
    assert!(!(said + &site.written()).contains("hunter22"));
}

#[tokio::test]
async fn who_may_not_look_is_told_so_and_a_dry_run_sets_nothing() {
    let site = Site::new().await;
    let as_maker = |words: &[&str]| {
        let mut command = site.command(words);
        command.env("PGUSER", "maker").env("SOME", "hunter22-secret").arg("--format").arg("json");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let dry = as_maker(&["--env", "SOME", "--dry-run"]);
    assert_eq!(
        (&dry["before"], &dry["verdict"], &dry["outcome"]),
        (&"unknown".into(), &"unknown".into(), &serde_json::Value::Null)
    );
    assert_eq!(site.verdict("hunter22-secret").await, Verdict::Other);
    assert_eq!(as_maker(&["--env", "SOME", "--yes"])["outcome"], "changed");
    assert_eq!(site.verdict("hunter22-secret").await, Verdict::Same);
    // it cannot keep the verifier out of the server's log, and was warned; the password is in neither
    let written = site.written();
    assert!(written.contains("the server's log will show the verifier"), "{written}");
    assert!(written.contains("SCRAM-SHA-256$") && !written.contains("hunter22"), "{written}");
}

//! `init`: what it writes, what it shows, and what it leaves when it cannot.

use std::fs;
use std::process::Output;

use unisys_ops::keys::KeyPair;

use crate::own_database::{OwnDatabase, PASSWORD, told, tree};

/// Asserts that a run was refused with this exit code, wrote nothing and told no secret.
fn refused(own: &OwnDatabase, output: &Output, code: i32, part: &str) {
    let told = told(output);
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(told.contains(part), "{told}");
    assert!(!told.contains(PASSWORD) && !told.contains("AGE-SECRET-KEY"), "{told}");
    assert!(tree(own.home.path()).is_empty(), "{:?}", tree(own.home.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_made_once_and_added_to_ever_after() {
    let own = OwnDatabase::with(&[], &["create table a (i int)"]).await;
    let recovery = KeyPair::generate().recipient();
    let output = own.init("postgres", &["--recovery-recipient", &recovery]);
    let shown = told(&output);
    assert!(output.status.success() && !shown.contains("AGE-SECRET-KEY"), "{shown}");
    assert!(shown.contains("hint: Try every link: unisys-dba doctor"), "{shown}");
    let file = own.path("unisys-dba.toml");
    for path in [&file, &own.path("keys/app-drill.txt"), &own.path("keys/signing-key")] {
        assert!(unisys_ops::platform::is_private(path).unwrap(), "{path:?}");
    }
    let files = ["keys", "keys/app-drill.txt", "keys/signing-key", "keys/signing-key.pub", "unisys-dba.toml"];
    assert_eq!(tree(own.home.path()), files, "no store yet");
    let first = fs::read_to_string(&file).unwrap();
    assert!(first.contains(&recovery) && !first.contains("AGE-SECRET-KEY"));
    let public = fs::read_to_string(own.path("keys/signing-key.pub")).unwrap();
    assert!(first.contains(&format!("trusted = [\"{}\"]", public.trim())), "{first}");
    let secret = fs::read_to_string(own.path("keys/signing-key")).unwrap();
    assert!(!shown.contains(secret.lines().nth(2).unwrap()), "{shown}");

    let again = own.init("postgres", &["--no-recovery-key"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(told(&again).contains("the database app is configured already"), "{}", told(&again));
    assert_eq!(fs::read_to_string(&file).unwrap(), first);

    let commented = format!("{first}# mine, without a line feed at its end");
    fs::write(&file, &commented).unwrap();
    let mut second = own.program();
    second.args(["init", "--database", "other", "--store", "/elsewhere", "--no-recovery-key", "--url"]);
    let second = second.arg(own.url("postgres")).output().unwrap();
    assert!(second.status.success(), "{}", told(&second));
    assert!(told(&second).contains("warning: There is no recovery key"));
    let both = fs::read_to_string(&file).unwrap();
    assert!(
        both.starts_with(&commented) && both.contains("\n\n# Added by") && both.contains("[databases.other]")
    );
    assert_eq!(both.matches("[evidence]").count(), 1, "one key signs for all");
    let show = own.program().args(["config", "show", "databases"]).output().unwrap();
    assert!(show.status.success() && told(&show).contains("databases.other.store"), "{}", told(&show));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_the_url_is_refused_with_the_line_for_the_passfile() {
    let own = OwnDatabase::with(&[], &[]).await;
    let output = own.init(&format!("pw:{PASSWORD}"), &["--no-recovery-key"]);
    let line = format!("127.0.0.1:{}:app:pw:PASSWORD", own.server.server().port);
    refused(&own, &output, 2, &line);
    let mut parameter = own.program();
    parameter.args(["init", "--database", "app", "--store", "b", "--no-recovery-key", "--url"]);
    let output = parameter.arg(format!("{}?password={PASSWORD}", own.url("pw"))).output().unwrap();
    refused(&own, &output, 2, &line);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_fails_ends_in_a_next_step_and_writes_nothing() {
    let own = OwnDatabase::with(&[], &[]).await;
    let port = own.server.server().port;
    for (url, part) in [
        (own.url("pw"), "next: Put a line host:port:database:user:password into ~/.pgpass"),
        (own.url("postgres").replace("/app", "/nonesuch"), "next: Check the database's name"),
        (own.url("nobody-there"), "next: Ask the server's administrator"),
        (own.url("postgres").replace(&port.to_string(), "1"), "next: Check host and port"),
        (own.url("postgres").replace("127.0.0.1", "no-such-host.invalid"), "next: Check the host's name"),
        (own.url("postgres") + "?sslmode=require", "next: Name the authority"),
    ] {
        let mut init = own.program();
        init.args(["init", "--database", "app", "--store", "b", "--no-recovery-key", "--url", &url]);
        refused(&own, &init.output().unwrap(), 1, part);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_the_recovery_key_must_come_from_elsewhere() {
    let own = OwnDatabase::with(&[], &[]).await;
    refused(&own, &own.init("postgres", &[]), 2, "--recovery-recipient");
    let secret = own.init("postgres", &["--recovery-recipient", "AGE-SECRET-KEY-1QQQ"]);
    assert_eq!(secret.status.code(), Some(2));
    assert!(!told(&secret).contains("AGE-SECRET-KEY-1QQQ"), "{}", told(&secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_added_to_stays_and_no_key_is_left() {
    let own = OwnDatabase::with(&[], &[]).await;
    let inline = "databases = { mine = { url = \"service=x\" } } # one line\n";
    fs::write(own.path("unisys-dba.toml"), inline).unwrap();
    let output = own.init("postgres", &["--no-recovery-key"]);
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    assert!(told(&output).contains("[databases.app]"), "the table to add by hand: {}", told(&output));
    assert_eq!(tree(own.home.path()), ["unisys-dba.toml"]);
    assert_eq!(fs::read_to_string(own.path("unisys-dba.toml")).unwrap(), inline);
    fs::remove_file(own.path("unisys-dba.toml")).unwrap();
    fs::create_dir(own.path("unisys-dba.toml")).unwrap();
    assert!(!own.init("postgres", &["--no-recovery-key"]).status.success());
    assert_eq!(tree(own.home.path()), ["unisys-dba.toml"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_it_prints_can_back_up_and_no_more() {
    let own = OwnDatabase::with(
        &[],
        &[
            "create table a (i int)",
            "create table secret (i int)",
            "alter table secret enable row level security",
            "select lo_from_bytea(0, 'x')",
        ],
    )
    .await;
    let output = own.init("postgres", &["--no-recovery-key", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for line in report["login_sql"].as_array().unwrap().iter().filter_map(|line| line.as_str()) {
        if !line.starts_with('\\') {
            own.run_sql("app", line).await;
        }
    }
    let (code, findings) = own.doctor(|text| text.replace("//postgres@", "//unisys_backup@"));
    assert_eq!(code, 0, "{findings:?}");
    let target = own.server.server().target("app").with_user("unisys_backup");
    let session = unisys_db::Session::open(&target).await.unwrap();
    for forbidden in
        ["insert into a values (1)", "set default_transaction_read_only = off; insert into a values (1)"]
    {
        assert!(session.batch_execute(forbidden).await.is_err(), "{forbidden}");
    }
}

/// `script` gives the program a terminal.
#[cfg(target_os = "linux")]
mod terminal {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use unisys_ops::keys::Identities;

    use super::*;

    /// Runs `init` on a terminal and answers each question with what `answer` makes of the shown key; returns whether it
    /// succeeded, the key, and all that was shown.
    fn init(own: &OwnDatabase, answer: impl Fn(&str) -> String) -> (bool, String, String) {
        let line = format!(
            "'{}' init --database app --store backups --url '{}' --config unisys-dba.toml",
            env!("CARGO_BIN_EXE_unisys-dba"),
            own.url("postgres")
        );
        let mut script = Command::new("script");
        script.args(["-qefc", &line, "/dev/null"]).current_dir(own.home.path()).env("HOME", own.home.path());
        script.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = script.spawn().expect("script(1), of util-linux");
        let (mut stdin, mut stdout) =
            (child.stdin.take().expect("its input"), child.stdout.take().expect("its output"));
        let (mut shown, mut key, mut answered) = (String::new(), String::new(), 0);
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = stdout.read(&mut buffer) {
            shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
            if key.is_empty()
                && let Some(at) = shown.find("AGE-SECRET-KEY-1")
            {
                key = shown[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            }
            while shown.matches("last 6 characters: ").count() > answered {
                answered += 1;
                stdin.write_all(format!("{}\n", answer(&key)).as_bytes()).expect("it listens");
            }
        }
        (child.wait().expect("its end").success(), key, shown)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_recovery_key_is_shown_once_and_kept_nowhere() {
        let own = OwnDatabase::with(&[], &[]).await;
        let (done, key, shown) = init(&own, |key| key[key.len() - 6..].to_lowercase());
        assert!(done, "{shown}");
        assert_eq!(shown.matches(&key).count(), 1);
        let left = shown.find("\x1b[?1049l").expect("its screen is left");
        assert!(shown.find(&key).unwrap() < left);
        for file in ["unisys-dba.toml", "keys/app-drill.txt"] {
            assert!(!fs::read_to_string(own.path(file)).unwrap().contains(&key), "{file}");
        }
        let written_down = own.path("paper.txt");
        fs::write(&written_down, &key).unwrap();
        let recipient = Identities::read(&[written_down]).unwrap().recipients().remove(0);
        assert!(fs::read_to_string(own.path("unisys-dba.toml")).unwrap().contains(&recipient));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_that_is_not_typed_back_leaves_nothing() {
        let own = OwnDatabase::with(&[], &[]).await;
        let (done, _, shown) = init(&own, |_| "nonono".into());
        assert!(!done && shown.contains("was not typed back"), "{shown}");
        assert!(tree(own.home.path()).is_empty());
    }
}

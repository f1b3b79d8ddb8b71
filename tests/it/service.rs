//! What happens around an operation: hooks, notifications, metrics, freshness, a night's work.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::own_database::{OwnDatabase, told};

/// Writes what it is told beside the configuration.
const HOOK: &str = r#"#!/bin/sh
name=$HOME/$UNISYS_DBA_OPERATION-$UNISYS_DBA_EVENT
env | sort >"$name.env"
cat >"$name.json"
echo "said by $UNISYS_DBA_EVENT" >&2
"#;

/// A database with a few rows, a configuration, and a hook.
async fn site() -> OwnDatabase {
    let own =
        OwnDatabase::with(&[], &["create table a (i int)", "insert into a values (1), (2), (null)"]).await;
    own.initialised("postgres");
    let hook = own.path("hook.sh");
    fs::write(&hook, HOOK).unwrap();
    fs::set_permissions(hook, fs::Permissions::from_mode(0o755)).unwrap();
    own
}

/// Adds to the configuration, in place of what was added before.
fn configure(own: &OwnDatabase, more: &str) {
    let file = own.path("unisys-dba.toml");
    let text = fs::read_to_string(&file).unwrap();
    let kept = text.split("# added by a test").next().unwrap().trim_end();
    let state = own.path("state");
    fs::write(
        file,
        format!("{kept}\n# added by a test\n[state]\ndirectory = \"{}\"\n{more}", state.display()),
    )
    .unwrap();
}

fn run(own: &OwnDatabase, words: &[&str]) -> Output {
    own.program().args(words).env("PGPASSWORD", "s3cret").env("EXTRA", "passed on").output().unwrap()
}

pub(crate) fn code(output: &Output, expected: i32) -> String {
    let told = told(output);
    assert_eq!(output.status.code(), Some(expected), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
    told
}

fn backups(own: &OwnDatabase) -> usize {
    let entries = fs::read_dir(own.path("backups")).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("app_")).count()
}

fn read(own: &OwnDatabase, name: &str) -> String {
    fs::read_to_string(own.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

const ALL_HOOKS: &str = "[hooks]\nbefore = [\"./hook.sh\"]\nafter = [\"./hook.sh\"]\nfailed = [\"./hook.sh\"]\n\
                         finally = [\"./hook.sh\"]\npass = [\"EXTRA\"]\n";

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_told_what_happens_and_no_secret() {
    let own = site().await;
    configure(&own, ALL_HOOKS);
    let output = run(&own, &["backup", "run", "--format", "json"]);
    let said = code(&output, 0);
    assert!(
        said.contains("hook before: said by before\n") && said.contains("hook finally: said by finally\n"),
        "{said}"
    );
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let id = answer["backup"]["id"].as_str().unwrap();
    let after = read(&own, "backup-after.env");
    for line in [
        "UNISYS_DBA_DATABASE=app".to_owned(),
        format!("UNISYS_DBA_BACKUP_ID={id}"),
        "UNISYS_DBA_OUTCOME=ok".into(),
        "UNISYS_DBA_EXIT=0".into(),
        format!("UNISYS_DBA_STORE={}", own.path("backups").display()),
        "EXTRA=passed on".into(),
    ] {
        assert!(after.lines().any(|known| known == line), "{line}: {after}");
    }
    assert!(!after.contains("PGPASSWORD") && !after.contains("s3cret"), "{after}");
    let letter: Value = serde_json::from_str(&read(&own, "backup-after.json")).unwrap();
    assert_eq!(
        (&letter["backup"], &letter["event"], &letter["exit"]),
        (&answer["backup"], &"after".into(), &0.into())
    );
    let before: Value = serde_json::from_str(&read(&own, "backup-before.json")).unwrap();
    assert_eq!((&before["database"], &before["exit"]), (&"app".into(), &Value::Null));
    assert!(own.path("backup-finally.json").exists() && !own.path("backup-failed.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_fails_before_a_backup_prevents_it_and_later_ones_take_nothing_from_it() {
    let own = site().await;
    configure(&own, &ALL_HOOKS.replacen("\"./hook.sh\"", "\"false\"", 1));
    let said = code(&run(&own, &["backup", "run"]), 1);
    assert!(said.contains("the hook before the backup failed") && said.contains("false failed"), "{said}");
    assert_eq!(backups(&own), 0);
    let failed = read(&own, "backup-failed.env");
    assert!(
        failed.contains("UNISYS_DBA_OUTCOME=failed\n") && failed.contains("UNISYS_DBA_EXIT=1\n"),
        "{failed}"
    );

    for hook in ["after", "finally"] {
        configure(&own, &format!("[hooks]\n{hook} = [\"sh\", \"-c\", \"exit 9\"]\n"));
        let output = run(&own, &["backup", "run", "--format", "json"]);
        let said = code(&output, 5);
        assert!(said.contains(&format!("the hook {hook} failed: sh failed (exit status: 9)")), "{said}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["outcome"], "ok");
        assert!(answer["problems"][0].as_str().unwrap().starts_with("the hook "), "{answer}");
    }
    assert_eq!(backups(&own), 2);
    assert!(code(&run(&own, &["backup", "check", "--all"]), 0).contains("whole"));

    let wrong =
        "[hooks]\nfailed = [\"sh\", \"-c\", \"exit 9\"]\n[backup]\nrecipients-file = \"/nonexistent\"\n";
    configure(&own, wrong);
    code(&run(&own, &["backup", "run"]), 3);
}

/// Whether a process with this command line runs.
fn runs(mark: &str) -> bool {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| String::from_utf8_lossy(&line).replace('\0', " ").trim_end() == mark)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_hangs_is_stopped_with_all_it_has_started() {
    let own = site().await;
    // long enough for any test, and told from those of another run
    let (one, other) = (format!("sleep 1{}", std::process::id()), format!("sleep 2{}", std::process::id()));
    let hooks = format!("[hooks]\nbefore = [\"sh\", \"-c\", \"{one} & {other}\"]\ntime-limit = \"1s\"\n");
    configure(&own, &hooks);
    let said = code(&run(&own, &["backup", "run"]), 1);
    assert!(said.contains("sh did not end within 1 s and was stopped"), "{said}");
    // a process that was killed may need a moment to be gone
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while runs(&one) || runs(&other) {
        assert!(std::time::Instant::now() < patience, "{one} or {other} still runs");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(backups(&own), 0);
}

/// Starts a server that takes every request; returns its address and the requests: the first line and the body.
pub(crate) fn listener() -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            let lower = head.to_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            reader.read_exact(&mut body).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            let first = head.lines().next().unwrap_or_default().to_owned();
            if send.send((first, String::from_utf8(body).unwrap())).is_err() {
                return;
            }
        }
    });
    (address, receive)
}

pub(crate) const WAIT: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_told_of_a_failure_and_of_the_first_success_after_it() {
    let own = site().await;
    let (address, requests) = listener();
    let notify = format!("[notify]\nwebhook = \"{address}/services/s3cret\"\n");
    configure(&own, &notify);
    code(&run(&own, &["backup", "run"]), 0);
    assert!(requests.try_recv().is_err(), "a success like any other is not told");

    configure(&own, &format!("{notify}[hooks]\nbefore = [\"false\"]\n"));
    code(&run(&own, &["backup", "run"]), 1);
    code(&run(&own, &["backup", "run"]), 1);
    let (line, body) = requests.recv_timeout(WAIT).unwrap();
    assert_eq!(line, "POST /services/s3cret HTTP/1.1");
    let letter: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&letter["event"], &letter["outcome"], &letter["exit"]),
        (&"failed".into(), &"failed".into(), &1.into())
    );
    let text = letter["text"].as_str().unwrap();
    assert!(text.starts_with("backup of app on ") && text.contains(" failed: the hook before"), "{text}");
    requests.recv_timeout(WAIT).unwrap();

    configure(&own, &notify);
    code(&run(&own, &["backup", "run"]), 0);
    let letter: Value = serde_json::from_str(&requests.recv_timeout(WAIT).unwrap().1).unwrap();
    assert_eq!(letter["event"], "recovered");
    assert!(letter["text"].as_str().unwrap().ends_with(" succeeded again, after 2 failures"), "{letter}");
    assert!(letter["backup"]["id"].as_str().unwrap().starts_with("app_"), "{letter}");

    let shown = code(&run(&own, &["config", "show", "notify"]), 0);
    assert!(shown.contains("/***"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_cannot_be_told_is_a_later_step_that_failed() {
    let own = site().await;
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let on = "[notify]\non = [\"succeeded\", \"failed\"]\n";
    let address = own.path("address");
    fs::write(&address, format!("http://127.0.0.1:{closed}/s3cret\n")).unwrap();
    configure(&own, &format!("{on}webhook-file = \"address\"\n"));
    fs::set_permissions(&address, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(code(&run(&own, &["backup", "run"]), 5).contains("others may read the file"));
    fs::set_permissions(&address, fs::Permissions::from_mode(0o600)).unwrap();
    let said = code(&run(&own, &["backup", "run"]), 5);
    assert!(said.contains("nobody was told: could not reach the webhook at 127.0.0.1"), "{said}");
    assert_eq!(backups(&own), 2);
    configure(&own, &format!("{on}webhook-file = \"address\"\n[hooks]\nbefore = [\"false\"]\n"));
    code(&run(&own, &["backup", "run"]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_keep_the_lines_of_other_databases_when_one_fails() {
    let own = site().await;
    let (address, requests) = listener();
    let key = unisys_ops::keys::KeyPair::generate().recipient();
    let other = format!(
        "[databases.other]\nurl = \"postgresql://postgres@127.0.0.1:1/other\"\nrecipients = [\"{key}\"]\n"
    );
    configure(&own, &format!("{other}[metrics]\ntextfile = \"metrics.prom\"\npush = \"{address}\"\n"));
    code(&run(&own, &["--database", "app", "backup", "run"]), 0);
    let first = read(&own, "metrics.prom");
    assert!(first.contains("unisys_dba_backup_last_run_success{database=\"app\"} 1\n"), "{first}");
    assert!(first.contains("unisys_dba_backup_newest_rows{database=\"app\"} 3\n"), "{first}");
    let (line, body) = requests.recv_timeout(WAIT).unwrap();
    assert_eq!(line, "PUT /metrics/job/unisys_dba/database/app HTTP/1.1");
    assert_eq!(body, first, "there is one database yet");

    code(&run(&own, &["--database", "other", "backup", "run"]), 1);
    let both = read(&own, "metrics.prom");
    assert!(both.contains("unisys_dba_backup_last_run_success{database=\"other\"} 0\n"), "{both}");
    for line in first.lines() {
        assert!(both.lines().any(|known| known == line), "{line}: {both}");
    }
    assert!(requests.recv_timeout(WAIT).unwrap().1.lines().all(|line| !line.contains("\"app\"")));

    configure(&own, "[metrics]\ntextfile = \"missing/metrics.prom\"\n");
    let said = code(&run(&own, &["backup", "run"]), 5);
    assert!(said.contains("metrics were not written: there is no directory"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_what_is_not_fresh_to_people_and_to_nagios() {
    let own = site().await;
    configure(&own, "");
    let check = ["backup", "list", "--check"];
    let nagios = ["backup", "list", "--check", "--format", "nagios"];
    let line = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    assert!(code(&run(&own, &check), 4).contains("app: there is no backup\n"));
    let output = run(&own, &nagios);
    code(&output, 2);
    assert_eq!(line(&output), "UNISYS-DBA CRITICAL - app: there is no backup\n");

    code(&run(&own, &["backup", "run"]), 0);
    assert!(code(&run(&own, &check), 4).contains("app: no backup is proven\n"));
    code(&run(&own, &nagios), 1);
    let output = run(&own, &[&nagios[..], &["--max-age", "0s"]].concat());
    code(&output, 2);
    assert!(
        line(&output).contains(" old, at most 0 s is allowed; app: no backup is proven | 'app age'="),
        "{}",
        line(&output)
    );

    code(&run(&own, &["drill"]), 0);
    let fresh = run(&own, &[&check[..], &["--format", "json"]].concat());
    code(&fresh, 0);
    let document: Value = serde_json::from_slice(&fresh.stdout).unwrap();
    assert_eq!(
        (&document["outcome"], &document["databases"][0]["problems"]),
        (&"ok".into(), &Value::Array(vec![]))
    );
    let output = run(&own, &nagios);
    code(&output, 0);
    let text = line(&output);
    assert!(text.starts_with("UNISYS-DBA OK - the backups of app are fresh | 'app age'="), "{text}");
    assert!(text.contains("s;;93600;0 'app proof age'=") && text.ends_with("s;691200;;0\n"), "{text}");

    // a second database that has never been backed up
    configure(&own, "[databases.other]\nurl = \"postgresql://postgres@127.0.0.1:1/other\"\n");
    let said = code(&run(&own, &check), 4);
    assert!(said.contains("other: there is no backup\n") && !said.contains("app: "), "{said}");
    code(&run(&own, &["--database", "app", "backup", "list", "--check"]), 0);
    fs::write(own.path("unisys-dba.toml"), "nonsense").unwrap();
    let output = run(&own, &nagios);
    code(&output, 3);
    assert!(line(&output).starts_with("UNISYS-DBA UNKNOWN - "), "{}", line(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_drills_when_the_newest_proof_is_too_old() {
    let own = site().await;
    configure(
        &own,
        "[hooks]\noperations = [\"backup\", \"drill\"]\nafter = [\"./hook.sh\"]\n[metrics]\ntextfile = \"m.prom\"\n",
    );
    let nightly = ["backup", "run", "--nightly", "--format", "json"];
    let output = run(&own, &nightly);
    code(&output, 0);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["outcome"], &answer["drill"]["outcome"]), (&"ok".into(), &"proven".into()));
    assert_eq!(answer["drill"]["backup"], answer["backup"]["id"]);
    assert!(read(&own, "drill-after.env").contains("UNISYS_DBA_OUTCOME=proven\n"));
    assert!(read(&own, "m.prom").contains("unisys_dba_drill_last_run_success{database=\"app\"} 1\n"));

    let output = run(&own, &nightly);
    code(&output, 0);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["drill"], Value::Null, "proved a moment ago");

    // a drill that cannot be done takes nothing from the backup
    configure(&own, "[drill]\nevery = \"0s\"\n[metrics]\ntextfile = \"m.prom\"\n");
    fs::rename(own.path("keys/app-drill.txt"), own.path("keys/away.txt")).unwrap();
    let said = code(&run(&own, &["backup", "run", "--nightly"]), 5);
    assert!(said.contains("is complete.") && said.contains("the drill could not be done"), "{said}");
    assert!(read(&own, "m.prom").contains("unisys_dba_backup_last_run_exit_code{database=\"app\"} 5\n"));
    configure(&own, "[drill]\nevery = \"\"\n");
    code(&run(&own, &["backup", "run", "--nightly"]), 0);
    assert_eq!(backups(&own), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_needs_neither_home_nor_path_and_its_log_keeps_what_was_said() {
    let own = site().await;
    configure(&own, "");
    let mut bare = own.program();
    bare.env_clear().env("UNISYS_DBA_DRILL_PORT", own.drill_port.to_string()).current_dir("/");
    if let Some(directory) = unisys_testkit::search().directory {
        bare.env("UNISYS_DBA_PROGRAMS_DIRECTORY", directory);
    }
    bare.arg("--config").arg(own.path("unisys-dba.toml")).arg("--log").arg(own.path("night.log"));
    let output = bare.args(["--quiet", "backup", "run", "--nightly"]).output().unwrap();
    code(&output, 0);
    assert!(output.stderr.is_empty(), "nothing for cron to mail: {}", told(&output));
    let log = read(&own, "night.log");
    assert!(log.contains("Z Backup app_") && log.contains("Z PROVEN  app_"), "{log}");
    for line in log.lines() {
        assert!(line.starts_with("20") && line.as_bytes()[19] == b'Z', "{line}");
    }
}

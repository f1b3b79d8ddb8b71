//! Many databases in one run: each is served as it would be alone, and people get one message.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use unisys_ops::keys::KeyPair;

use crate::own_database::OwnDatabase;
use crate::service::{WAIT, code, listener};

/// Writes what it is told beside the configuration, by database.
const HOOK: &str = r#"#!/bin/sh
name=$HOME/$UNISYS_DBA_DATABASE-$UNISYS_DBA_OPERATION-$UNISYS_DBA_EVENT
env | sort >"$name.env"
cat >"$name.json"
echo "heard" >&2
"#;

/// Fails when a drill begins while another one goes on.
const TURNSTILE: &str = r#"#!/bin/sh
case $UNISYS_DBA_OPERATION-$UNISYS_DBA_EVENT in
drill-before) mkdir "$HOME/drilling" ;;
drill-finally) rmdir "$HOME/drilling" ;;
esac
"#;

/// A server with the databases `app` and `crm`, and a script.
async fn site(script: &str) -> OwnDatabase {
    let own = OwnDatabase::with(&[], &["create table a as select generate_series(1, 3) as i"]).await;
    own.run_sql("postgres", "create database crm").await;
    own.run_sql("crm", "create table c as select 7 as i").await;
    KeyPair::generate().write(&own.path("identity.txt"), "a test").unwrap();
    let hook = own.path("hook.sh");
    fs::write(&hook, script).unwrap();
    fs::set_permissions(hook, fs::Permissions::from_mode(0o755)).unwrap();
    own
}

/// Writes the configuration of these databases, each with more of its own, and of what is for all.
fn configure(own: &OwnDatabase, databases: &[(&str, &str)], more: &str) {
    let identity = fs::read_to_string(own.path("identity.txt")).unwrap();
    let recipient = identity.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let port = own.server.server().port;
    let tables: String = databases
        .iter()
        .map(|(name, more)| {
            format!("[databases.{name}]\nurl = \"postgresql://postgres@127.0.0.1:{port}/{name}\"\n{more}\n")
        })
        .collect();
    let text = format!(
        "{tables}[backup]\nrecipients = [\"{recipient}\"]\n[drill]\nidentities = [\"identity.txt\"]\nevery = \"7d\"\n\
         [state]\ndirectory = \"state\"\n{more}"
    );
    fs::write(own.path("unisys-dba.toml"), text).unwrap();
}

fn run(own: &OwnDatabase, words: &[&str]) -> Output {
    own.program().args(words).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn read(own: &OwnDatabase, name: &str) -> String {
    fs::read_to_string(own.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

const ALL_HOOKS: &str = "[hooks]\noperations = [\"backup\", \"drill\"]\nbefore = [\"./hook.sh\"]\n\
                         after = [\"./hook.sh\"]\nfailed = [\"./hook.sh\"]\nfinally = [\"./hook.sh\"]\n";

#[tokio::test(flavor = "multi_thread")]
async fn each_database_has_its_own_hooks_and_metrics_and_people_one_message() {
    let own = site(HOOK).await;
    let (address, requests) = listener();
    private(&own.path("of-crm"), &format!("{address}/of-crm\n"));
    let databases = [("app", "store = \"apps\""), ("crm", "webhook-file = \"of-crm\""), ("gone", "")];
    let more = format!(
        "{ALL_HOOKS}[metrics]\ntextfile = \"m.prom\"\n[notify]\non = [\"failed\", \"recovered\"]\n\
         webhook = \"{address}/all\"\n"
    );
    configure(&own, &databases, &more);
    let all = ["backup", "run", "--all", "--format", "json"];
    let output = run(&own, &all);
    let said = code(&output, 1);
    assert!(
        said.contains("crm: hook after: heard\n") && said.contains("gone: hook failed: heard\n"),
        "{said}"
    );
    assert!(said.contains("warning: gone: could not connect"), "{said}");
    let answer = json(&output);
    assert_eq!(answer["outcome"], "failed");
    assert_eq!(answer["databases"][2]["exit"], 1);

    for (name, outcome, store) in
        [("app", "ok", "apps"), ("crm", "ok", "backups"), ("gone", "failed", "backups")]
    {
        let last = read(&own, &format!("{name}-backup-finally.env"));
        for line in [
            format!("UNISYS_DBA_DATABASE={name}"),
            format!("UNISYS_DBA_OUTCOME={outcome}"),
            format!("UNISYS_DBA_STORE={}", own.path(store).display()),
        ] {
            assert!(last.lines().any(|known| known == line), "{line}: {last}");
        }
        let made = outcome == "ok";
        assert_eq!(own.path(&format!("{name}-backup-after.env")).exists(), made, "{name}");
        assert_eq!(own.path(&format!("{name}-backup-failed.env")).exists(), !made, "{name}");
        let metrics = read(&own, "m.prom");
        let line = format!("unisys_dba_backup_last_run_success{{database=\"{name}\"}} {}\n", u8::from(made));
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    let letter: Value = serde_json::from_str(&read(&own, "app-backup-after.json")).unwrap();
    assert_eq!(letter["backup"]["id"], answer["databases"][0]["report"]["id"]);

    let (line, body) = requests.recv_timeout(WAIT).unwrap();
    assert_eq!(line, "POST /all HTTP/1.1");
    let message: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&message["event"], &message["outcome"]), (&"failed".into(), &"failed".into()));
    let names: Vec<&str> = (0..3).map(|i| message["databases"][i]["database"].as_str().unwrap()).collect();
    assert_eq!(names, ["gone", "app", "crm"], "what failed comes first");
    let text = message["text"].as_str().unwrap();
    assert!(text.contains(": 1 failed (gone)\ngone: could not connect"), "{text}");
    assert!(requests.try_recv().is_err(), "one message for the run; crm succeeded as before");

    // it comes back, and another one, whose table names somebody of its own, fails
    own.run_sql("postgres", "create database gone").await;
    let broken = [
        ("app", "store = \"apps\""),
        ("crm", "webhook-file = \"of-crm\"\nrecipients = [\"x\"]"),
        ("gone", ""),
    ];
    configure(&own, &broken, &more);
    code(&run(&own, &all), 1);
    let (line, body) = requests.recv_timeout(WAIT).unwrap();
    assert_eq!(line, "POST /of-crm HTTP/1.1", "those of one database are told first");
    let own_message: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&own_message["database"], &own_message["exit"]), (&"crm".into(), &3.into()));
    let message: Value = serde_json::from_str(&requests.recv_timeout(WAIT).unwrap().1).unwrap();
    let events: Vec<&str> = (0..3).map(|i| message["databases"][i]["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["failed", "recovered", "succeeded"]);
    assert!(read(&own, "m.prom").contains("unisys_dba_backup_last_run_exit_code{database=\"crm\"} 3\n"));

    // nobody to hear that all is well again
    drop(requests);
    configure(&own, &databases, "[notify]\nwebhook = \"http://127.0.0.1:1/all\"\n");
    let said = code(&run(&own, &["backup", "run", "--all"]), 5);
    assert!(said.contains("nobody was told: could not reach the webhook at 127.0.0.1"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_of_all_drills_one_database_after_another() {
    let own = site(TURNSTILE).await;
    let (address, requests) = listener();
    let databases = [("app", ""), ("crm", "")];
    let served = format!(
        "{ALL_HOOKS}[metrics]\ntextfile = \"m.prom\"\n[notify]\non = [\"succeeded\", \"failed\"]\nwebhook = \"{address}\"\n"
    );
    configure(&own, &databases, &served);
    let night = ["backup", "run", "--all", "--nightly", "--at-once", "2", "--format", "json"];
    let output = run(&own, &night);
    code(&output, 0);
    let answer = json(&output);
    for i in 0..2 {
        let report = &answer["databases"][i]["report"];
        assert_eq!(report["drill"]["outcome"], "proven", "{answer}");
        assert_eq!(report["drill"]["backup"], report["id"]);
    }
    let metrics = read(&own, "m.prom");
    for name in ["app", "crm"] {
        assert!(metrics.contains(&format!("unisys_dba_drill_last_run_success{{database=\"{name}\"}} 1\n")));
    }
    requests.recv_timeout(WAIT).unwrap();
    assert!(requests.try_recv().is_err(), "the drills of a night are no runs of their own");

    // a drill that cannot be done takes nothing from the backups, and nothing from the other drill
    let away = [("app", ""), ("crm", "identities = [\"away.txt\"]")];
    configure(&own, &away, &served);
    let config = read(&own, "unisys-dba.toml").replace("every = \"7d\"", "every = \"0s\"");
    fs::write(own.path("unisys-dba.toml"), config).unwrap();
    let said = code(&run(&own, &night[..6]), 5);
    assert!(said.contains("PROVEN") && said.contains("crm: the drill could not be done: "), "{said}");
    assert!(read(&own, "m.prom").contains("unisys_dba_backup_last_run_exit_code{database=\"crm\"} 5\n"));
    let message: Value = serde_json::from_str(&requests.recv_timeout(WAIT).unwrap().1).unwrap();
    assert_eq!(
        (&message["event"], &message["outcome"], &message["exit"]),
        (&"failed".into(), &"ok".into(), &5.into())
    );

    // drills of all, which are runs of their own
    configure(&own, &databases, &served);
    code(&run(&own, &["drill", "--all"]), 0);
    let message: Value = serde_json::from_str(&requests.recv_timeout(WAIT).unwrap().1).unwrap();
    assert_eq!((&message["operation"], &message["outcome"]), (&"drill".into(), &"proven".into()));
    assert_eq!(message["databases"].as_array().unwrap().len(), 2);
}

//! Signed evidence as its user meets it: from `init` to a report, and a manifest that somebody changed.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::own_database::{OwnDatabase, finding, told};

fn run(own: &OwnDatabase, words: &[&str]) -> Output {
    own.program().args(words).output().expect("the program")
}

/// Runs a command that must succeed, and returns its answer.
fn answer(own: &OwnDatabase, words: &[&str]) -> Value {
    let output = own.program().args(words).args(["--format", "json"]).output().expect("the program");
    assert!(output.status.success(), "{words:?}: {}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words:?}: {}", told(&output)))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_init_configures_signs_backups_and_proofs_and_refuses_a_changed_manifest() {
    let own = OwnDatabase::with(&[], &["create table a (i int)", "insert into a values (1), (2)"]).await;
    own.initialised("postgres");
    assert_eq!(
        finding(answer(&own, &["doctor"])["findings"].as_array().unwrap(), "signatures")["level"],
        "ok"
    );
    let backup = answer(&own, &["backup", "run"])["backup"].clone();
    let record = answer(&own, &["drill"]);
    let rto = record["rto"]["seconds"].as_f64().unwrap();
    assert!(rto > record["restore_seconds"].as_f64().unwrap(), "{record}");
    let evidence = answer(&own, &["drill", "show", "--evidence", "--files"]);
    assert_eq!(evidence["outcome"], "proven", "{evidence}");
    assert_eq!(evidence["evidence"]["manifest_signature"]["state"], "trusted");
    // somebody who has nothing but the files and the public key
    let mut auditor = own.program();
    auditor.current_dir("/").env("HOME", "/nonexistent").env("UNISYS_DBA_BACKUP_STORE", own.path("backups"));
    auditor.args(["drill", "show", "--evidence", "--files", "--public-key"]);
    let output = auditor.arg(own.path("keys/signing-key.pub")).output().unwrap();
    assert!(output.status.success() && told(&output).contains("HOLDS"), "{}", told(&output));

    let written = answer(&own, &["drill", "report", "--output", "report.html"]);
    assert_eq!(written["drills"], 1);
    let html = fs::read_to_string(own.path("report.html")).unwrap();
    assert!(html.contains("is signed with a trusted key") && html.contains("public.a"), "{html}");
    assert!(own.path("report.html.sig").exists());

    let directory = own.path("backups").join(backup["id"].as_str().unwrap());
    let manifest = directory.join("manifest.json");
    let sound = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, sound.replace("\"rows\": 2", "\"rows\": 3")).unwrap();
    let restore = run(&own, &["restore", "latest", "--to", "copy", "--yes"]);
    assert_eq!(restore.status.code(), Some(1), "{}", told(&restore));
    assert!(told(&restore).contains("manifest.json cannot be trusted"), "{}", told(&restore));
    let decrypt = run(&own, &["backup", "decrypt", "latest", "--output", "plain.sql"]);
    assert!(!decrypt.status.success() && !own.path("plain.sql").exists(), "{}", told(&decrypt));
    // a drill that fails ends in what failed, the newest proven backup, and what to type next
    let drill = run(&own, &["drill"]);
    let stderr = String::from_utf8_lossy(&drill.stderr).into_owned();
    assert_eq!(drill.status.code(), Some(4), "{stderr}");
    for part in
        ["error: the drill of app_", "failed: unisys-dba drill", "newest proven backup: none", "next: "]
    {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    assert!(String::from_utf8_lossy(&drill.stdout).contains("cannot be trusted"), "{}", told(&drill));
    assert_eq!(run(&own, &["backup", "check"]).status.code(), Some(4));

    fs::write(&manifest, sound).unwrap();
    // a key that cannot be read is no reason to go without
    fs::remove_file(own.path("keys/signing-key")).unwrap();
    let unsigned = run(&own, &["backup", "run"]);
    assert_eq!(unsigned.status.code(), Some(3), "{}", told(&unsigned));
}

//! `key`: pairs made once, secrets never shown.

use std::fs;
use std::process::Command;

fn program(directory: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
    command.current_dir(directory).env_clear().env("HOME", directory.path());
    command
}

#[test]
fn a_new_key_is_private_and_its_secret_is_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let made = program(&directory).args(["key", "new", "--output", "k.txt"]).output().unwrap();
    let shown = program(&directory).args(["key", "show", "k.txt", "--format", "json"]).output().unwrap();
    assert!(made.status.success() && shown.status.success());
    assert!(unisys_ops::platform::is_private(&directory.path().join("k.txt")).unwrap());
    let text = fs::read_to_string(directory.path().join("k.txt")).unwrap();
    let secret = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert!(text.contains(document["keys"][0]["recipient"].as_str().unwrap()));
    for stream in [&made.stdout, &made.stderr, &shown.stdout, &shown.stderr] {
        assert!(!String::from_utf8_lossy(stream).contains(&secret[..20]));
    }
    let again = program(&directory).args(["key", "new", "--output", "k.txt"]).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(fs::read_to_string(directory.path().join("k.txt")).unwrap(), text);
}

#[test]
fn the_keys_of_a_database_say_where_each_is() {
    let directory = tempfile::tempdir().unwrap();
    let key = |name: &str| {
        let pair = unisys_ops::keys::KeyPair::generate();
        pair.write(&directory.path().join(name), "a test").unwrap();
        pair.recipient()
    };
    let (here, elsewhere, _old) = (key("here.txt"), key("elsewhere.txt"), key("old.txt"));
    let config = format!(
        "[databases.a]\nurl = \"service=x\"\nrecipients = [\"{elsewhere}\", \"{here}\"]\nidentities = [\"old.txt\", \"here.txt\"]\n"
    );
    fs::write(directory.path().join("unisys-dba.toml"), config).unwrap();
    let shown = program(&directory).args(["key", "show", "--format", "json"]).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let keys: Vec<_> = document["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| (k["file"].is_null(), k["encrypts"] == true))
        .collect();
    assert_eq!(keys, [(true, true), (false, true), (false, false)], "{document}");
}

//! The frame of every command: streams, forms, exit codes, signals.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Returns the program in an empty directory and an environment of its own.
fn program(directory: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
    command.current_dir(directory).env_clear().env("HOME", directory.path());
    command
}

#[test]
fn json_has_a_version_and_hides_passwords() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("unisys-dba.toml"),
        "[databases.a]\nurl = \"postgresql://u:s3cret@h/d\"\n[backup]\njobs = 3\n",
    )
    .unwrap();
    let output = program(&directory).args(["config", "show", "--format", "json"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    assert!(!text.contains("s3cret") && text.contains("u:***@h"));
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema_version"], 1);
    let settings = document["settings"].as_array().unwrap();
    let jobs = settings.iter().find(|setting| setting["key"] == "backup.jobs").unwrap();
    assert_eq!(
        (&jobs["value"], &jobs["source"]["kind"], &jobs["source"]["line"]),
        (&3.into(), &"file".into(), &4.into())
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let directory = tempfile::tempdir().unwrap();
    for args in [&["completions", "bash"][..], &["man"], &["config", "show"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = program(&directory).args(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = program(&directory).args(["config", "show"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: could not write the answer"));
}

#[test]
fn completions_and_manual_pages_do_not_need_a_sound_configuration() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("unisys-dba.toml"), "nonsense").unwrap();
    let pages = directory.path().join("man");
    fs::create_dir(&pages).unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = program(&directory).args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && String::from_utf8(output.stdout).unwrap().contains("unisys-dba"));
    }
    let status = program(&directory).args(["man", "--quiet", "--directory"]).arg(&pages).status().unwrap();
    assert!(status.success() && pages.join("unisys-dba-config-show.1").exists());
    assert_eq!(program(&directory).args(["config", "show"]).output().unwrap().status.code(), Some(3));
}

#[cfg(unix)]
#[test]
fn a_configuration_of_somebody_else_in_this_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("unisys-dba.toml");
    fs::write(&file, "[backup]\njobs = 3\n").unwrap();
    if std::os::unix::fs::chown(&file, Some(65534), None).is_err() {
        return; // only root can give files away
    }
    let output = program(&directory).args(["config", "show"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let named = program(&directory).args(["config", "show", "--config", "unisys-dba.toml"]).output().unwrap();
    assert!(named.status.success(), "named, it is trusted");
}

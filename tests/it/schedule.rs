//! Schedules through the program: installed, shown, removed.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const CONFIG: &str = "[databases.app]\nurl = \"service=app\"\n[databases.crm]\nurl = \"service=crm\"\n";

/// A home with a configuration.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("unisys-dba.toml"), CONFIG).unwrap();
    home
}

fn run(home: &TempDir, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
    command.current_dir(home).env_clear().env("HOME", home.path());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.args(["--database", "app", "schedule"]).args(words).output().unwrap()
}

fn code(output: &Output, expected: i32) -> String {
    let all = [&output.stdout[..], &output.stderr].concat();
    let all = String::from_utf8(all).unwrap();
    assert_eq!(output.status.code(), Some(expected), "{all}");
    all
}

fn units(home: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(home.path().join(".config/systemd/user")).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

const SYSTEMD: [&str; 3] = ["--kind", "systemd", "--user"];

#[test]
fn units_are_written_shown_and_removed_and_others_stay() {
    if Path::new("/run/systemd/system").is_dir() {
        // here the units would be put into force, beside those of whoever runs the tests
        return;
    }
    let home = home();
    fs::write(home.path().join(".pgpass"), "").unwrap();
    let install = [&["install", "--yes", "--at", "03:30", "--zone", "UTC"], &SYSTEMD[..]].concat();
    let dry = code(&run(&home, &[&install[..], &["--dry-run"]].concat()), 0);
    assert!(dry.contains("OnCalendar=*-*-* 03:30:00 UTC\n") && units(&home).is_empty(), "{dry}");

    let said = code(&run(&home, &install), 0);
    assert!(
        said.contains("systemd does not run here") && said.contains("systemctl --user enable --now"),
        "{said}"
    );
    assert_eq!(units(&home), ["unisys-dba-backup-app.service", "unisys-dba-backup-app.timer"]);
    let service = home.path().join(".config/systemd/user/unisys-dba-backup-app.service");
    let text = fs::read_to_string(&service).unwrap();
    assert!(text.contains(&format!("Environment=PGPASSFILE={}/.pgpass\n", home.path().display())), "{text}");
    assert!(text.contains("--database app backup run --nightly\n"), "{text}");
    assert!(code(&run(&home, &install), 0).contains("keep "), "nothing changes");

    let shown = code(&run(&home, &[&["show"], &SYSTEMD[..]].concat()), 0);
    assert!(shown.contains("unisys-dba-backup-app\n  when  *-*-* 03:30:00 UTC\n"), "{shown}");

    fs::write(service.with_file_name("unisys-dba-backup-crm.timer"), "[Timer]\n").unwrap();
    fs::write(&service, "[Service]\n").unwrap();
    let refused = code(&run(&home, &install), 1);
    assert!(refused.contains("was not written by `unisys-dba schedule install`"), "{refused}");
    assert_eq!(fs::read_to_string(&service).unwrap(), "[Service]\n");

    let remove = [&["remove"], &SYSTEMD[..]].concat();
    assert!(code(&run(&home, &remove), 2).contains("Add --yes."));
    code(&run(&home, &[&remove[..], &["--yes"]].concat()), 0);
    assert_eq!(
        units(&home),
        ["unisys-dba-backup-app.service", "unisys-dba-backup-crm.timer"],
        "those are not ours"
    );
    assert!(code(&run(&home, &[&["show"], &SYSTEMD[..]].concat()), 0).contains("No job is installed."));
}

#[test]
fn one_job_is_for_every_database() {
    if Path::new("/run/systemd/system").is_dir() {
        return;
    }
    let home = home();
    let program = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
        command.current_dir(&home).env_clear().env("HOME", home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.arg("schedule").args(words).args(SYSTEMD).output().unwrap()
    };
    assert!(
        code(&run(&home, &[&["install", "--all", "--yes"], &SYSTEMD[..]].concat()), 2)
            .contains("Leave out --database")
    );
    code(&program(&["install", "--all", "--yes"]), 0);
    assert_eq!(units(&home), ["unisys-dba-backup.service", "unisys-dba-backup.timer"]);
    let service = home.path().join(".config/systemd/user/unisys-dba-backup.service");
    assert!(fs::read_to_string(&service).unwrap().contains("/unisys-dba.toml backup run --all --nightly\n"));
    let twice = code(&run(&home, &[&["install", "--dry-run"], &SYSTEMD[..]].concat()), 0);
    assert!(twice.contains("unisys-dba-backup is installed, too"), "{twice}");

    // half of it is found and removed, once
    fs::remove_file(service.with_extension("timer")).unwrap();
    assert!(
        code(&run(&home, &[&["remove", "--yes"], &SYSTEMD[..]].concat()), 0).contains("No job is installed.")
    );
    assert!(code(&program(&["remove", "--yes"]), 0).contains("unisys-dba-backup is removed."));
    assert!(units(&home).is_empty());
    assert!(code(&program(&["remove", "--yes"]), 0).contains("No job is installed."));
}

#[test]
fn what_a_scheduled_run_will_not_have_is_said_beforehand() {
    let home = home();
    let dry = [&["install", "--dry-run"], &SYSTEMD[..]].concat();
    let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
    command.current_dir(&home).env_clear().env("HOME", home.path()).env("PGPASSWORD", "s3cret");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("UNISYS_DBA_BACKUP_JOBS", "3").args(["--database", "app", "schedule"]).args(&dry);
    let said = code(&command.output().unwrap(), 0);
    assert!(said.contains("PGPASSWORD is set here; the scheduled run will not have it"), "{said}");
    assert!(said.contains("Put backup.jobs into "), "{said}");
    assert!(!said.contains("s3cret"), "{said}");

    let mut nobody = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
    nobody.current_dir(&home).env_clear().env("HOME", home.path()).args(["schedule"]).args(&dry);
    assert!(code(&nobody.output().unwrap(), 2).contains("several databases are configured: app, crm"));
    fs::write(home.path().join("unisys-dba.toml"), "").unwrap();
    let mut nobody = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
    nobody.current_dir(&home).env_clear().env("HOME", home.path()).args(["schedule"]).args(&dry);
    assert!(code(&nobody.output().unwrap(), 3).contains("no database is configured"));
}

#[test]
fn a_line_of_cron_names_account_directory_configuration_and_log() {
    if !unisys_ops::platform::is_root() {
        // another account's line, and the directory it stands in, are root's alone
        return;
    }
    let home = home();
    let words = [
        "install",
        "--dry-run",
        "--kind",
        "cron",
        "--account",
        "backup",
        "--at",
        "03:00",
        "--random-delay",
        "0s",
    ];
    assert!(code(&run(&home, &words), 2).contains("the log of another account's job must be named"));
    let said = code(&run(&home, &[&words[..], &["--log", "x.log"]].concat()), 0);
    let place = home.path().display();
    let expected = format!(
        "    0 3 * * * backup cd {place} && {} --config {place}/unisys-dba.toml --database app --log {place}/x.log \
         backup run --nightly --quiet >/dev/null\n",
        env!("CARGO_BIN_EXE_unisys-dba")
    );
    assert!(said.contains(&expected), "{said}");
    assert!(!home.path().join("x.log").exists(), "the log is the account's to make");
}

#[test]
fn what_a_system_cannot_do_is_refused() {
    let home = home();
    let cron = ["install", "--dry-run", "--kind", "cron"];
    assert!(
        code(&run(&home, &[&cron[..], &["--zone", "UTC"]].concat()), 1)
            .contains("cron runs by this machine's clock")
    );
    assert!(
        code(&run(&home, &[&cron[..], &["--zone", "Europe/Nowhere"]].concat()), 2).contains("no time zone")
    );
    assert!(code(&run(&home, &[&cron[..], &["--at", "25:00"]].concat()), 2).contains("02:00"));
    assert!(code(&run(&home, &[&cron[..], &["--user"]].concat()), 2).contains("only systemd"));
    let windows = run(&home, &["install", "--kind", "windows", "--yes"]);
    assert!(code(&windows, 1).contains("there is no Task Scheduler on this system"));
}

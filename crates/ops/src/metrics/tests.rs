//! What a scraper reads.

use std::collections::BTreeMap;

use prometheus_parse::{Scrape, Value};

use super::*;
use crate::memory::{Newest, Proof, Run, Took};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn known(name: &str) -> Remembered {
    let ended = at("2026-11-21T02:00:07Z");
    let run = |exit, success| Run { ended, seconds: 7.25, exit, success };
    Remembered {
        name: name.into(),
        scope: String::new(),
        backup: Some(Runs::after(None, run(0, true))),
        drill: Some(Runs::after(None, run(4, false))),
        newest: Some(Newest {
            id: crate::backup::BackupId::parse("app_20261121T020000Z_7f3a").unwrap(),
            moment: at("2026-11-21T02:00:00Z"),
            rows: 123_456,
            tables: 12,
            stored_bytes: 9_876_543_210,
            database_bytes: 55_000_000_000,
            seconds: 6.5,
        }),
        proof: Some(Proof { proven: at("2026-11-20T03:00:00Z"), moment: at("2026-11-20T02:00:00Z") }),
        took: Some(Took { restore_seconds: 3.5, verify_seconds: 0.5 }),
    }
}

fn never_complete(name: &str) -> Remembered {
    let run = Run { ended: at("2026-11-21T02:10:00Z"), seconds: 0.5, exit: 1, success: false };
    Remembered { name: name.into(), backup: Some(Runs::after(None, run)), ..Remembered::default() }
}

/// Reads a text as a scraper does: each sample's name and labels with its value.
fn scraped(text: &str) -> BTreeMap<String, f64> {
    let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let value = |value: &Value| match value {
        Value::Gauge(number) => *number,
        other => panic!("no gauge: {other:?}"),
    };
    scrape
        .samples
        .iter()
        .map(|sample| {
            (format!("{} {}", sample.metric, sample.labels.get("database").unwrap()), value(&sample.value))
        })
        .collect()
}

#[test]
fn every_metric_has_its_help_its_type_and_one_line_for_each_database() {
    insta::assert_snapshot!(render(&[known("app"), never_complete("crm")]), @r#"
    # HELP unisys_dba_backup_last_run_timestamp_seconds When the last backup run ended, however it ended.
    # TYPE unisys_dba_backup_last_run_timestamp_seconds gauge
    unisys_dba_backup_last_run_timestamp_seconds{database="app"} 1795226407
    unisys_dba_backup_last_run_timestamp_seconds{database="crm"} 1795227000
    # HELP unisys_dba_backup_last_run_success Whether the last backup run and all its later steps succeeded.
    # TYPE unisys_dba_backup_last_run_success gauge
    unisys_dba_backup_last_run_success{database="app"} 1
    unisys_dba_backup_last_run_success{database="crm"} 0
    # HELP unisys_dba_backup_last_run_exit_code Exit code of the last backup run; 5: the backup is complete, a later step failed.
    # TYPE unisys_dba_backup_last_run_exit_code gauge
    unisys_dba_backup_last_run_exit_code{database="app"} 0
    unisys_dba_backup_last_run_exit_code{database="crm"} 1
    # HELP unisys_dba_backup_last_run_duration_seconds How long the last backup run took, with its later steps.
    # TYPE unisys_dba_backup_last_run_duration_seconds gauge
    unisys_dba_backup_last_run_duration_seconds{database="app"} 7.25
    unisys_dba_backup_last_run_duration_seconds{database="crm"} 0.5
    # HELP unisys_dba_backup_last_success_timestamp_seconds When the last backup was complete.
    # TYPE unisys_dba_backup_last_success_timestamp_seconds gauge
    unisys_dba_backup_last_success_timestamp_seconds{database="app"} 1795226407
    # HELP unisys_dba_backup_consecutive_failures How many backup runs have failed since one succeeded.
    # TYPE unisys_dba_backup_consecutive_failures gauge
    unisys_dba_backup_consecutive_failures{database="app"} 0
    unisys_dba_backup_consecutive_failures{database="crm"} 1
    # HELP unisys_dba_backup_newest_moment_timestamp_seconds The moment the newest backup is of.
    # TYPE unisys_dba_backup_newest_moment_timestamp_seconds gauge
    unisys_dba_backup_newest_moment_timestamp_seconds{database="app"} 1795226400
    # HELP unisys_dba_backup_newest_rows Rows in the newest backup.
    # TYPE unisys_dba_backup_newest_rows gauge
    unisys_dba_backup_newest_rows{database="app"} 123456
    # HELP unisys_dba_backup_newest_tables Tables in the newest backup.
    # TYPE unisys_dba_backup_newest_tables gauge
    unisys_dba_backup_newest_tables{database="app"} 12
    # HELP unisys_dba_backup_newest_stored_bytes Size of the newest backup as stored.
    # TYPE unisys_dba_backup_newest_stored_bytes gauge
    unisys_dba_backup_newest_stored_bytes{database="app"} 9876543210
    # HELP unisys_dba_backup_newest_database_bytes Size of the database on its server when the newest backup was made.
    # TYPE unisys_dba_backup_newest_database_bytes gauge
    unisys_dba_backup_newest_database_bytes{database="app"} 55000000000
    # HELP unisys_dba_backup_newest_duration_seconds How long the newest backup took.
    # TYPE unisys_dba_backup_newest_duration_seconds gauge
    unisys_dba_backup_newest_duration_seconds{database="app"} 6.5
    # HELP unisys_dba_drill_last_run_timestamp_seconds When the last drill ended, however it ended.
    # TYPE unisys_dba_drill_last_run_timestamp_seconds gauge
    unisys_dba_drill_last_run_timestamp_seconds{database="app"} 1795226407
    # HELP unisys_dba_drill_last_run_success Whether the last drill proved its backup.
    # TYPE unisys_dba_drill_last_run_success gauge
    unisys_dba_drill_last_run_success{database="app"} 0
    # HELP unisys_dba_drill_restore_duration_seconds How long the last drill took to restore.
    # TYPE unisys_dba_drill_restore_duration_seconds gauge
    unisys_dba_drill_restore_duration_seconds{database="app"} 3.5
    # HELP unisys_dba_drill_verify_duration_seconds How long the last drill took to compare.
    # TYPE unisys_dba_drill_verify_duration_seconds gauge
    unisys_dba_drill_verify_duration_seconds{database="app"} 0.5
    # HELP unisys_dba_proof_newest_timestamp_seconds When the newest proof was begun, by whichever machine.
    # TYPE unisys_dba_proof_newest_timestamp_seconds gauge
    unisys_dba_proof_newest_timestamp_seconds{database="app"} 1795143600
    # HELP unisys_dba_proof_newest_moment_timestamp_seconds The moment the backup with the newest proof is of: what is certain to come back.
    # TYPE unisys_dba_proof_newest_moment_timestamp_seconds gauge
    unisys_dba_proof_newest_moment_timestamp_seconds{database="app"} 1795140000
    "#);
}

#[test]
fn a_scraper_reads_what_was_meant() {
    let all = scraped(&render(&[known("app"), never_complete("crm")]));
    assert_eq!(all.len(), METRICS.len() + 5);
    assert_eq!(all["unisys_dba_backup_newest_stored_bytes app"], 9_876_543_210.0);
    assert_eq!(all["unisys_dba_backup_last_success_timestamp_seconds app"], 1_795_226_407.0);
    assert_eq!(all["unisys_dba_backup_last_run_success crm"], 0.0);
    assert!(!all.contains_key("unisys_dba_backup_last_success_timestamp_seconds crm"));
}

#[test]
fn names_follow_the_conventions_and_are_not_used_twice() {
    let mut names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    for metric in METRICS {
        assert!(metric.name.starts_with("unisys_dba_") && metric.help.ends_with('.'), "{}", metric.name);
        assert!(
            !metric.name.ends_with("_total") && !metric.help.contains(['\n', '\\']),
            "{}: a gauge",
            metric.name
        );
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), METRICS.len());
}

#[test]
fn a_hostile_name_stays_within_its_label() {
    let odd = "a\"} 1\nunisys_dba_up{x=\"\\";
    let text = render(&[never_complete(odd)]);
    assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), 5);
    assert!(text.contains(r#"{database="a\"} 1\nunisys_dba_up{x=\"\\"} 0.5"#), "{text}");
}

#[test]
fn the_file_is_replaced_as_a_whole_and_others_may_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("unisys_dba.prom");
    std::fs::write(&path, "nonsense").unwrap();
    write(&path, &[known("app")]).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), render(&[known("app")]));
    assert_eq!(
        std::fs::read_dir(&directory).unwrap().count(),
        1,
        "nothing else is left for the collector to find"
    );
    #[cfg(unix)]
    assert!(!platform::is_private(&path).unwrap());
    let error = write(&directory.path().join("missing/x.prom"), &[]).unwrap_err().to_string();
    assert!(error.contains("there is no directory"), "{error}");
}

#[test]
fn prometheus_own_tool_finds_nothing_wrong() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let odd = known("a\"} 1\nunisys_dba_up{x=\"\\");
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut tool = match tool {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return eprintln!("promtool is not installed: its judgement is not asked");
        }
        tool => tool.unwrap(),
    };
    let text = render(&[known("app"), never_complete("crm"), odd]);
    tool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let judged = tool.wait_with_output().unwrap();
    // its lint is on stderr, some of it without a failing exit code
    assert!(
        judged.status.success() && judged.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&judged.stderr)
    );
}

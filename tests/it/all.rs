//! Every database of the configuration at once, and what is said when one of them fails.

use std::fs;

use serde_json::Value;
use unisys_ops::keys::KeyPair;

use crate::own_database::{OwnDatabase, told};

/// Configures three databases: two that work, one that does not exist.
fn configure(own: &OwnDatabase) {
    let keys = KeyPair::generate();
    keys.write(&own.path("identity.txt"), "a test").expect("a key");
    let port = own.server.server().port;
    let database = |name: &str, more: &str| {
        format!("[databases.{name}]\nurl = \"postgresql://postgres@127.0.0.1:{port}/{name}\"\n{more}\n")
    };
    let text = format!(
        "{}{}{}[backup]\nrecipients = [\"{}\"]\n[drill]\nidentities = [\"identity.txt\"]\n",
        database("app", ""),
        database("crm", "exclude-table-data = [\"public.log\"]\n"),
        database("gone", ""),
        keys.recipient()
    );
    fs::write(own.path("unisys-dba.toml"), text).expect("a configuration");
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(output)))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_database_that_fails_stops_no_other() {
    let own = OwnDatabase::with(&[], &["create table a (id int); insert into a values (1), (2)"]).await;
    own.run_sql("postgres", "create database crm").await;
    own.run_sql("crm", "create table kept (id int); insert into kept values (7); create table log (t text)")
        .await;
    own.run_sql("crm", "insert into log values ('x'), ('y')").await;
    configure(&own);
    let run =
        own.program().args(["backup", "run", "--all", "--format", "json"]).output().expect("backup run");
    assert_eq!(run.status.code(), Some(1), "{}", told(&run));
    let document = json(&run);
    let databases = document["databases"].as_array().expect("a list");
    let names: Vec<&str> = databases.iter().filter_map(|entry| entry["database"].as_str()).collect();
    assert_eq!(names, ["app", "crm", "gone"]);
    assert_eq!(document["outcome"], "failed");
    assert_eq!(databases[0]["report"]["rows"], 2);
    assert_eq!(databases[1]["report"]["rows"], 1);
    assert_eq!(databases[1]["report"]["selection"]["without_rows"][0]["name"], "log");
    assert!(
        databases[2]["error"].as_str().is_some_and(|text| text.contains("could not connect")),
        "{document}"
    );
    assert!(databases[2]["hints"].as_array().is_some_and(|hints| !hints.is_empty()), "{document}");

    // the same for people, and the drill of each newest backup
    let drill = own.program().args(["drill", "--all"]).output().expect("drill");
    assert_eq!(drill.status.code(), Some(1), "{}", told(&drill));
    let said = told(&drill);
    assert_eq!(said.matches("PROVEN").count(), 4, "a line and a status for each of two: {said}");
    assert!(said.contains("NOT DONE") && said.contains("there is no backup of gone yet"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");

    let both =
        own.program().args(["backup", "run", "--all", "--database", "app"]).output().expect("a refusal");
    assert_eq!(both.status.code(), Some(2), "{}", told(&both));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_shown_wherever_its_backup_is() {
    let own = OwnDatabase::with(
        &[],
        &[
            "create table kept (id int); create table log (t text); insert into log values ('x')",
            "create view recent as select t from log",
        ],
    )
    .await;
    own.initialised("postgres");
    let run = |args: &[&str]| own.program().args(args).output().expect("the program");
    let refused = run(&["backup", "run", "--exclude-table", "log"]);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(told(&refused).contains("view public.recent needs table public.log"), "{}", told(&refused));
    assert_eq!(run(&["backup", "run", "--pg-dump-option=-Fp"]).status.code(), Some(2));
    let made = run(&["backup", "run", "--exclude-table-data", "log"]);
    assert_eq!(made.status.code(), Some(0), "{}", told(&made));
    assert!(told(&made).contains("Left out: the rows of public.log"), "{}", told(&made));
    let latest = run(&["drill"]);
    assert_eq!(latest.status.code(), Some(1), "a part is never taken for the whole: {}", told(&latest));
    assert!(told(&latest).contains("there is no backup of the whole database"), "{}", told(&latest));
    let said = told(&made);
    let id = said.split_whitespace().find(|word| word.starts_with("app_")).expect("its name");
    let shown = run(&["backup", "show", id]);
    assert!(told(&shown).contains("without its rows"), "{}", told(&shown));
    let drilled = run(&["drill", id]);
    assert_eq!(drilled.status.code(), Some(0), "{}", told(&drilled));
    assert!(
        told(&drilled).contains("Not compared: left out of the backup: the rows of public.log"),
        "{}",
        told(&drilled)
    );
    // the rows that are there are compared, those left out are not called a difference
    let verified = run(&["verify", "content", "app", id]);
    assert_eq!(verified.status.code(), Some(0), "{}", told(&verified));
    assert!(told(&verified).contains("1 tables were not compared"), "{}", told(&verified));
    let planned = run(&["restore", id, "--to", "copy", "--dry-run"]);
    assert!(told(&planned).contains("Not in the backup: the rows of public.log"), "{}", told(&planned));
    let linted = run(&["backup", "run", "--lint-only"]);
    assert_eq!(linted.status.code(), Some(0), "{}", told(&linted));
}

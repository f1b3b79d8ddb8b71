//! `migrate` as a person meets it: a backup before, a rehearsal on it, and the ways back.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use unisys_db::Target;
use unisys_testkit::database_with;

use crate::place::{Said, World, execute, value};

const FIRST: &str =
    "-- unisys:owner login\ncreate schema shop;\ncreate table shop.orders (id int primary key, total int);\n";
const TAX: &str = "-- unisys:owner login\nalter table shop.orders add column tax int;\n";
const NO_TAX: &str =
    "-- unisys:destructive the taxes go with their migration\nalter table shop.orders drop column tax;\n";
const LOSS: &str = "-- unisys:owner login\ndelete from shop.orders where id > 900;\n";

struct Site {
    world: World,
    target: Target,
    files: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let target = database_with("select 1").await;
        let site =
            Self { world: World::new(&[("shop", &target)]), target, files: tempfile::tempdir().unwrap() };
        site.write("V0001__shop.sql", FIRST);
        let said = site.up();
        assert_eq!(
            (&said["backup"], &said["already"]),
            (&Value::Null, &json!(0)),
            "nothing was there to back up"
        );
        execute(&site.target, "insert into shop.orders select g, g from generate_series(1, 1000) g").await;
        site
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.files.path().join(name), text).unwrap();
    }

    fn directory(&self) -> &Path {
        self.files.path()
    }

    fn run(&self, words: &[&str]) -> Said {
        let mut all = vec!["migrate", "--dir", self.directory().to_str().unwrap()];
        all.extend_from_slice(words);
        self.world.run(&all)
    }

    fn done(&self, words: &[&str]) -> Value {
        let said = self.run(&[words, &["--format", "json"]].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        said.json()
    }

    fn up(&self) -> Value {
        self.done(&["up", "--yes"])
    }

    async fn value(&self, sql: &str) -> String {
        value(&self.target, sql).await.unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_with_a_down_script_is_taken_back_and_what_was_written_since_stays() {
    let site = Site::new().await;
    site.write("V0002__tax.sql", TAX);
    site.write("V0002__tax.down.sql", NO_TAX);
    let said = site.up();
    let backup = said["backup"].as_str().unwrap().to_owned();
    let shown = site.world.run(&["backup", "show", &backup, "--format", "json"]).json();
    assert_eq!(shown["pin"]["until_proven"], json!(true), "{shown}");
    assert_eq!(shown["pin"]["reason"], json!("before migration V0002__tax.sql"));
    assert_eq!(site.value("select backup_id from ops.migration_log where version = 2").await, backup);
    execute(&site.target, "insert into shop.orders values (5000, 1, 1)").await;

    let planned = site.done(&["rollback", "--dry-run"]);
    assert_eq!((&planned["plan"]["way"], &planned["plan"]["to"]), (&json!("down"), &json!(1)), "{planned}");
    assert_eq!(site.value("select count(tax) from shop.orders").await, "1", "a dry run changes nothing");
    assert_eq!(site.done(&["rollback", "--yes"])["taken_back"], json!([2]));
    assert_eq!(site.value("select count(*) from shop.orders where id = 5000").await, "1");
    let columns = "select string_agg(attname, ' ' order by attnum) from pg_attribute
                   where attrelid = 'shop.orders'::regclass and attnum > 0 and not attisdropped";
    assert_eq!(site.value(columns).await, "id total");
    let log = "select string_agg(action, ' ' order by id) from ops.migration_log where version = 2";
    assert_eq!(site.value(log).await, "apply rollback");
    assert_eq!(site.run(&["status"]).code, Some(4), "it is pending again");
    assert_eq!(site.up()["applied"][0]["version"], json!(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_down_script_the_backup_of_before_takes_the_place_and_nothing_is_thrown_away() {
    let site = Site::new().await;
    site.write("V0002__loss.sql", LOSS);
    let backup = site.up()["backup"].as_str().unwrap().to_owned();
    execute(&site.target, "insert into shop.orders values (5000, 1)").await;
    assert_eq!(site.value("select count(*) from shop.orders").await, "901");

    // a session of this test that is just ending would be in the way
    let planned = site.done(&["rollback", "--dry-run", "--disconnect"]);
    assert_eq!((&planned["plan"]["way"], &planned["plan"]["backup"]), (&json!("restore"), &json!(backup)));
    let lost = &planned["lost"]["tables"][0];
    assert_eq!(
        (&lost["name"], &lost["rows_a"], &lost["rows_b"]),
        (&json!("orders"), &json!(1000), &json!(901))
    );
    let asked = site.run(&["rollback"]);
    assert_eq!(asked.code, Some(2), "without --yes and a terminal nothing is done: {asked:?}");
    assert!(asked.stderr.contains("What was written since would be missing"), "{asked:?}");
    assert_eq!(site.value("select count(*) from shop.orders").await, "901");

    let done = site.done(&["rollback", "--yes", "--disconnect"]);
    assert_eq!((&done["outcome"], &done["to"]), (&json!("rolled-back"), &json!(1)));
    assert_eq!(site.value("select count(*) from shop.orders").await, "1000");
    assert_eq!(site.value("select max(version) from ops.schema_history").await, "1");
    let kept = site.target.with_database(done["restored"]["kept_as"].as_str().unwrap());
    let theirs = value(&kept, "select count(*) from shop.orders where id = 5000").await;
    assert_eq!(theirs.as_deref(), Some("1"), "the one before is kept with what was written since");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_no_backup_says_why_and_finds_no_way_back() {
    let site = Site::new().await;
    site.write("V0002__loss.sql", LOSS);
    site.write("V0003__tax.sql", TAX);
    let said = site.done(&["up", "--yes", "--no-backup", "a copy for tests"]);
    assert_eq!(said["backup"], Value::Null);
    let reason = site.value("select no_backup from ops.migration_log where version = 2").await;
    assert_eq!(reason, "a copy for tests");
    let refused = site.run(&["rollback", "--yes"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("no backup was taken before version 3"), "{refused:?}");
    assert_eq!(site.run(&["up", "--no-backup", ""]).code, Some(2), "a reason is needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_backup_lets_no_migration_begin() {
    let site = Site::new().await;
    site.write("V0002__tax.sql", TAX);
    let path = std::env::join_paths(["/nonexistent"]).unwrap();
    let words = ["migrate", "--dir", site.directory().to_str().unwrap(), "up", "--yes"];
    let mut command = site.world.command(&words);
    // a store that cannot be made: a file is in its place
    command.env("PATH", path).env("UNISYS_DBA_BACKUP_STORE", "key.txt");
    let output = command.output().unwrap();
    assert_ne!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("Nothing was migrated.") && said.contains("--no-backup REASON"), "{said}");
    assert_eq!(site.value("select max(version) from ops.schema_history").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_refused_costs_no_backup() {
    let site = Site::new().await;
    site.write("V0002__commit.sql", "-- unisys:owner login\ncommit;\n");
    let refused = site.run(&["up", "--yes"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("V0002__commit.sql, line 2"), "{refused:?}");
    let listed = site.world.run(&["backup", "list", "--format", "json"]).json();
    assert_eq!(listed["backups"], json!([]), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pending_is_rehearsed_on_the_newest_proven_backup_port_5333() {
    let site = Site::new().await;
    site.write("V0002__loss.sql", LOSS);
    let none = site.run(&["rehearse"]);
    assert_eq!(none.code, Some(1), "{none:?}");
    assert!(none.stderr.contains("there is no proven backup"), "{none:?}");
    let backup = site.world.backup("shop");
    assert_eq!(site.world.run(&["drill", &backup]).code, Some(0));
    let report = site.done(&["rehearse"]);
    assert_eq!((&report["outcome"], &report["backup"]), (&json!("rehearsed"), &json!(backup)));
    assert_eq!(report["migrations"][0]["locks"][0]["relation"], json!("shop.orders"));
    let changed = &report["changes"]["tables"][0];
    assert_eq!((&changed["rows_a"], &changed["rows_b"]), (&json!(1000), &json!(900)));
    site.write("V0003__wrong.sql", "-- unisys:owner login\nalter table shop.nothing add column x int;\n");
    let failed = site.run(&["rehearse"]);
    assert_eq!(failed.code, Some(4), "{failed:?}");
    assert!(
        failed.stdout.contains("V0003__wrong.sql") && failed.stdout.contains("does not exist"),
        "{failed:?}"
    );
    assert_eq!(site.value("select count(*) from shop.orders").await, "1000");
}

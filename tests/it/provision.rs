//! `migrate up`, `roles apply`, `roles verify` on an empty database, as CI does it; and what each role can do then, tried by who is
//! a member of it.

use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use unisys_db::connect::HostAddress;
use unisys_db::{Session, Target};
use unisys_ops::server::Scratch;

/// A server of its own, because roles are the whole server's, and a database on it.
struct Site {
    directory: TempDir,
    target: Target,
    _server: Scratch,
}

impl Site {
    async fn new(database: &str) -> Self {
        let settings = unisys_testkit::SHARED_SETTINGS;
        let server = unisys_testkit::own_server(unisys_testkit::free_port(), settings).unwrap();
        let postgres = server.server().target("postgres");
        let create = format!("create database {}", unisys_db::quote_ident(database));
        Session::open(&postgres).await.unwrap().batch_execute(&create).await.unwrap();
        let target = postgres.with_database(database);
        Self { directory: tempfile::tempdir().unwrap(), target, _server: server }
    }

    fn command(&self, words: &[&str]) -> Command {
        let HostAddress::Socket(socket) = &self.target.hosts[0].address else { unreachable!("a socket") };
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
        command.current_dir(self.directory.path()).env_clear().env("HOME", self.directory.path());
        command.env("PGHOST", socket).env("PGPORT", self.target.hosts[0].port.to_string());
        command.env("PGUSER", "postgres").env("PGDATABASE", &self.target.database);
        command.args(words);
        command
    }

    /// Runs the program to its end: its exit code, answer, and what else it says.
    fn run(&self, words: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(words).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }

    fn done(&self, words: &[&str]) -> String {
        let (code, stdout, stderr) = self.run(words);
        assert_eq!(code, 0, "{words:?}: {stdout}{stderr}");
        stdout
    }

    async fn session(&self, login: &str) -> Session {
        Session::open(&self.target.with_user(login)).await.unwrap()
    }
}

async fn until(session: &Session, condition: &str) {
    let begun = Instant::now();
    while !session.query_one(condition, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(begun.elapsed() < Duration::from_secs(60), "in vain: {condition}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Tries each statement and takes it back. What is refused must be refused for want of a right.
async fn try_all(session: &Session, who: &str, allowed: &[&str], refused: &[&str]) {
    for (statements, is_allowed) in [(allowed, true), (refused, false)] {
        for statement in statements {
            let result = session.batch_execute(&format!("begin; {statement}")).await;
            session.batch_execute("rollback").await.unwrap();
            match (result, is_allowed) {
                (Ok(()), true) => {}
                (Err(error), false) => {
                    let code = error.code().map(|code| code.code().to_owned());
                    assert_eq!(code.as_deref(), Some("42501"), "{who}: {statement}: {error:?}");
                }
                (result, _) => panic!("{who}: {statement}: {result:?}"),
            }
        }
    }
}

/// Who is a member of what.
const PEOPLE: [(&str, &str); 5] = [
    ("erin", "admin"),
    ("dave", "dba"),
    ("alice", "d_analyst"),
    ("bob", "d_engineer"),
    ("carol", "qa_engineer"),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_is_provisioned_and_the_six_roles_do_what_they_may() {
    let site = Site::new("unisys").await;
    site.done(&["migrate", "up", "--yes"]);
    site.done(&["roles", "apply", "--yes"]);
    site.done(&["roles", "verify"]);
    let again: Value =
        serde_json::from_str(&site.done(&["roles", "apply", "--yes", "--format", "json"])).unwrap();
    assert_eq!((&again["outcome"], &again["changes"]), (&"unchanged".into(), &Value::Array(vec![])));

    let postgres = site.session("postgres").await;
    for (login, role) in PEOPLE {
        postgres.batch_execute(&format!("create role {login} login in role {role}")).await.unwrap();
    }
    postgres.batch_execute("create role nobody login").await.unwrap();
    // what comes later is covered, too
    let later = "set role app_owner; create table app.later (id int); reset role;
        set role analysis_owner; create view analysis.later as select 1 as one; reset role";
    postgres.batch_execute(later).await.unwrap();

    let others = [
        "select from analysis.students",
        "select from etl.load_runs",
        "select from qa.rules",
        "select from ops.schema_history",
    ];
    let app_user = site.session("app_user").await;
    let allowed = [
        "select from students",
        "insert into app.students select * from app.students where false",
        "update app.students set notes = notes",
        "select from app.later; insert into app.later values (1); update app.later set id = 2",
        "select from app.find_login('nobody')",
    ];
    let refused = [
        "delete from app.students",
        "delete from app.later",
        "truncate app.students",
        "create table app.mine ()",
        "create schema mine",
        "create table public.mine ()",
        "create temporary table mine ()",
        "drop table app.students",
        "alter table app.students disable row level security",
        "select password_hash from app.users",
        "set role app_owner",
        "alter role app_user superuser",
    ];
    try_all(&app_user, "app_user", &allowed, &[&refused[..], &others].concat()).await;

    let alice = site.session("alice").await;
    let allowed = ["select from analysis.students", "select from analysis.later"];
    let refused = [
        "select from app.students",
        "select national_id from app.students",
        "select from etl.load_runs",
        "select from qa.rules",
        "select from ops.schema_history",
        "create table analysis.mine ()",
        "refresh materialized view analysis.pass_rates",
    ];
    try_all(&alice, "d_analyst", &allowed, &refused).await;

    let bob = site.session("bob").await;
    let allowed = [
        "select id from app.students",
        "select from analysis.students",
        "truncate etl.staging_students; delete from etl.rejected_rows where false",
        "create table etl.mine ()",
        "create view analysis.mart as select 1 as one",
    ];
    let refused = [
        "select national_id from app.students",
        "select password_hash from app.users",
        "update app.students set notes = notes",
        "delete from app.students",
        "select from qa.rules",
        "select from ops.schema_history",
        "create table app.mine ()",
    ];
    try_all(&bob, "d_engineer", &allowed, &refused).await;

    let carol = site.session("carol").await;
    let allowed = [
        "select from analysis.students",
        "select from etl.load_runs",
        "select from qa.rules",
        "create table qa.mine ()",
    ];
    let refused = [
        "select from app.students",
        "delete from etl.rejected_rows",
        "delete from qa.rules",
        "create table etl.mine ()",
        "select from ops.schema_history",
    ];
    try_all(&carol, "qa_engineer", &allowed, &refused).await;

    let dave = site.session("dave").await;
    let allowed = [
        "select from ops.schema_history",
        "set local role app_owner; select from app.students",
        "set local role etl_owner; truncate etl.staging_students",
    ];
    let refused = ["select from app.students", "truncate etl.staging_students", "select from pg_authid"];
    try_all(&dave, "dba", &allowed, &refused).await;

    let erin = site.session("erin").await;
    let allowed = ["set local role admin; select from pg_authid; delete from app.students"];
    try_all(&erin, "admin", &allowed, &["select from pg_authid", "select from app.students"]).await;

    // who belongs to nothing does not even get in
    assert!(Session::open(&site.target.with_user("nobody")).await.is_err());
}

/// R31
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_apply_leaves_nothing_and_the_next_one_does_it_all() {
    let site = Site::new("unisys").await;
    site.done(&["migrate", "up", "--yes"]);
    let blocker = site.session("postgres").await;
    blocker.batch_execute("begin; alter role app_user connection limit 3").await.unwrap();
    let mut run = site
        .command(&["roles", "apply", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let watcher = site.session("postgres").await;
    let waiting = "select exists (select from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock' and query ~ 'alter role \"app_user\"')";
    until(&watcher, waiting).await;
    run.kill().unwrap(); // SIGKILL
    run.wait().unwrap();
    // the server was told to look whether its client lives
    until(&watcher, "select not exists (select from pg_stat_activity where wait_event_type = 'Lock')").await;
    blocker.batch_execute("rollback").await.unwrap();
    let left = "select not exists (select from pg_roles where rolname = 'web_ops')
        and not exists (select from pg_class where relname = 'role_changes')
        and not exists (select from pg_locks where locktype = 'advisory')";
    until(&watcher, left).await;
    site.done(&["roles", "apply", "--yes"]);
    assert_eq!(site.run(&["roles", "apply", "--yes"]).1, "Roles and privileges are as the policy says\n");
}

const POLICY: &str = r#"version = 1
[database]
encoding = "UTF8"
connection_limit = 9
[role.shop_owner]
[role.shop_reader]
login = true
password = { env = "SHOP_PASSWORD" }
[schema.shop]
owner = "shop_owner"
create = true
[[grant]]
to = "shop_reader"
privileges = "connect"
on = "database"
[[grant]]
to = "shop_reader"
privileges = "usage"
on = "schema shop"
"#;

/// The whole life of a change, of a database that is not there yet. R35: its name is a name.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_made_planned_applied_and_undone() {
    let mut site = Site::new("other").await;
    site.target = site.target.with_database("new \"shop\"; drop database other; --");
    fs::write(site.directory.path().join("policy.toml"), POLICY).unwrap();
    let roles = |words: &[&'static str]| [&["roles", "--policy", "policy.toml"], words].concat();
    let (code, _, stderr) = site.run(&roles(&["apply", "--yes"]));
    assert_eq!(code, 1, "{stderr}");
    let planned = site.done(&roles(&["apply", "--create-database", "--dry-run"]));
    assert!(
        planned.starts_with("create database \"new \"\"shop\"\"; drop database other; --\""),
        "{planned}"
    );
    let (code, _, stderr) = site.run(&roles(&["apply", "--create-database"]));
    assert!(code == 2 && stderr.contains("Add --yes."), "{code}: {stderr}");
    let mut command = site.command(&roles(&["apply", "--create-database", "--yes", "--format", "json"]));
    let output = command.env("SHOP_PASSWORD", "correct horse battery").output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["outcome"], &report["id"]), (&"applied".into(), &1.into()), "{report}");
    assert_eq!(report["passwords"], Value::Array(vec!["shop_reader".into()]));
    let all = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8(all).unwrap().contains("correct horse"));
    let kept = "select coalesce(left(rolpassword, 13), 'none') from pg_authid where rolname = 'shop_reader'
        union all select 'in the record' from ops.role_changes where changes::text ~ 'SCRAM|horse'";
    let kept = site.session("postgres").await.query(kept, &[]).await.unwrap();
    let kept: Vec<String> = kept.iter().map(|row| row.get(0)).collect();
    assert_eq!(kept, ["SCRAM-SHA-256"]);
    site.session("shop_reader").await;

    assert_eq!(site.done(&roles(&["apply", "--yes"])), "Roles and privileges are as the policy says\n");
    let (code, _, stderr) = site.run(&roles(&["undo", "1"]));
    assert!(code == 2 && stderr.contains("drop role \"shop_reader\""), "{code}: {stderr}");
    let list = site.done(&roles(&["undo"]));
    assert!(list.contains("apply") && list.contains("postgres"), "{list}");
    let told = site.done(&roles(&["undo", "1", "--yes"]));
    assert_eq!(told, "change 2: change 1 is taken back, and all is as it was before\n");
    let (code, _, stderr) = site.run(&roles(&["undo", "1", "--yes"]));
    assert!(code == 1 && stderr.contains("the roles are not as change 1 left them: "), "{code}: {stderr}");
    assert!(Session::open(&site.target.with_user("shop_reader")).await.is_err());
}

//! `roles explain`, `who-can` and `verify` as a person sees them, by a login without any privilege.

use std::process::{Command, Output};

use tempfile::TempDir;
use unisys_db::Session;
use unisys_db::connect::HostAddress;
use unisys_ops::server::Scratch;
use unisys_testkit::{SHARED_SETTINGS, free_port, own_server};

const UNIVERSITY: &str = r#"
create role app_owner; create role analysis_owner; create role d_analyst; create role reporting; create role dba noinherit;
create role app_user login; create role alice login; create role bob login; create role "Odd ""Name""" login;
grant reporting to d_analyst; grant d_analyst to alice; grant app_owner to dba; grant dba to bob;
revoke connect on database university from public;
grant connect on database university to d_analyst, dba;
create schema app authorization app_owner; create schema analysis authorization analysis_owner;
grant usage on schema app to analysis_owner, reporting; grant usage on schema analysis to d_analyst;
set role app_owner;
create table app.students (id integer primary key, name text, national_id text);
create table app.payments (id integer, amount numeric);
create function app.forget(integer) returns void language sql security definer set search_path = pg_catalog, pg_temp as '';
revoke execute on function app.forget(integer) from public;
grant execute on function app.forget(integer) to reporting;
grant select on app.students to analysis_owner;
grant select (id, name) on app.students to reporting;
alter table app.payments enable row level security;
create policy own on app.payments for select to reporting using (id = 1);
grant select, insert on app.payments to reporting;
reset role;
create view analysis.people as select id, national_id is not null as known from app.students;
alter view analysis.people owner to analysis_owner;
grant select on analysis.people to d_analyst;
"#;

struct Site {
    directory: TempDir,
    server: Scratch,
}

impl Site {
    async fn new(sql: &str) -> Self {
        let server = own_server(free_port(), SHARED_SETTINGS).unwrap();
        let postgres = server.server().target("postgres");
        let session = Session::open(&postgres).await.unwrap();
        session.batch_execute("create database university").await.unwrap();
        let session = Session::open(&postgres.with_database("university")).await.unwrap();
        session.batch_execute(sql).await.unwrap();
        Self { directory: tempfile::tempdir().unwrap(), server }
    }

    /// Runs the program as a login: what was typed, what is answered, what else is said, and the exit code if it is not 0.
    fn run(&self, login: &str, words: &[&str]) -> String {
        let target = self.server.server().target("university");
        let HostAddress::Socket(socket) = &target.hosts[0].address else { unreachable!("a socket") };
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
        command.current_dir(self.directory.path()).env_clear().env("HOME", self.directory.path());
        command.env("PGHOST", socket).env("PGPORT", target.hosts[0].port.to_string());
        command.env("PGUSER", login).env("PGDATABASE", "university").arg("roles").args(words);
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let exit =
            status.code().filter(|code| *code != 0).map_or_else(String::new, |code| format!("exit {code}\n"));
        format!("$ roles {}\n{}{}{exit}", words.join(" "), text(stdout), text(stderr))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_is_told_with_what_closes_it() {
    let site = Site::new(UNIVERSITY).await;
    let questions: &[&[&str]] = &[
        &["explain", "alice", "select", "app.students"],
        &["explain", "alice", "select", "app.students.national_id"],
        &["explain", "alice", "insert", "app.payments"],
        &["explain", "alice", "select", "app.payments"],
        &["explain", "bob", "delete", "app.students"],
        &["explain", "app_user", "usage", "schema", "app"],
        &["explain", "app_user", "connect"],
        &["explain", "public", "execute", "app.forget(int)"],
        &["explain", "postgres", "truncate", "app.students"],
        &["who-can", "select", "app.students"],
        &["who-can", "connect", "database"],
    ];
    let told: Vec<String> = questions.iter().map(|words| site.run("alice", words)).collect();
    insta::assert_snapshot!("ways", told.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_name_is_answered_with_the_nearest() {
    let site = Site::new(UNIVERSITY).await;
    let questions: &[&[&str]] = &[
        &["explain", "alcie", "select", "app.students"],
        &["explain", "alice", "selct", "app.students"],
        &["explain", "alice", "select", "app.studnets"],
        &["explain", "alice", "select", "app.students.nationalid"],
        &["explain", "alice", "execute", "table", "app.students"],
        &["explain", "alice", "select", "\"app.students"],
        &["who-can", "frobnicate"],
    ];
    let told: Vec<String> = questions.iter().map(|words| site.run("alice", words)).collect();
    insta::assert_snapshot!("names", told.join("\n"));
}

const POLICY: &str = r#"
version = 1
[scope]
roles = ["*"]
[sensitive]
columns = ["app.students.national_id"]
[role.app_owner]
[role.reporting]
[role.d_analyst]
member_of = ["reporting"]
[schema.app]
owner = "app_owner"
[[grant]]
to = ["reporting", "analysis_owner"]
privileges = "usage"
on = "schema app"
[[grant]]
to = "reporting"
privileges = "select"
on = { kind = "table", schema = "app", name = "students", columns = ["id", "name"] }
[[grant]]
to = "reporting"
privileges = ["select", "insert"]
on = "table app.payments"
[[grant]]
to = "analysis_owner"
privileges = "select"
on = "table app.students"
[[grant]]
to = "reporting"
privileges = "execute"
on = "routine app.forget"
[[assert]]
role = "d_analyst"
cannot = "select"
on = "sensitive"
[[assert]]
role = "d_analyst"
can = ["select"]
on = "table app.payments"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn drift_and_broken_assertions_are_told_with_line_and_statement() {
    let site = Site::new(UNIVERSITY).await;
    std::fs::write(site.directory.path().join("p.toml"), POLICY).unwrap();
    let words = ["verify", "--policy", "p.toml"];
    let before = site.run("alice", &words);
    let target = site.server.server().target("university");
    let session = Session::open(&target).await.unwrap();
    // R21: somebody was helpful
    session
        .batch_execute(
            "grant select on app.students to reporting; revoke select on app.payments from reporting",
        )
        .await
        .unwrap();
    let after = site.run("alice", &words);
    insta::assert_snapshot!("verify", format!("{before}\n{after}"));
    assert!(after.ends_with("exit 4\n"), "{after}");
    let json = site.run("alice", &["verify", "--policy", "p.toml", "--format", "json"]);
    assert!(json.contains("\"outcome\": \"findings\"") && json.contains("schema_version"), "{json}");
}

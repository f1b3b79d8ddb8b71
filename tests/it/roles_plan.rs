//! `roles plan` as a person and a CI job run it.

use std::process::{Command, Output};

use tempfile::TempDir;
use unisys_db::connect::HostAddress;
use unisys_db::{Session, Target};
use unisys_ops::server::Scratch;
use unisys_testkit::{free_port, own_server};

const POLICY: &str = r#"version = 1
[database]
[role.app_owner]
[role.reader]
comment = "Reads"
[schema.app]
owner = "app_owner"
[[grant]]
to = "reader"
privileges = "usage"
on = "schema app"
[[grant]]
to = "reader"
privileges = "select"
on = "table app.*"
"#;

/// A server somebody worked on by hand, and the policy of above.
struct Site {
    _server: Scratch,
    directory: TempDir,
    target: Target,
}

impl Site {
    async fn new() -> Self {
        let server = own_server(free_port(), &[]).unwrap();
        let target = server.server().target("postgres");
        let site = Self { _server: server, directory: tempfile::tempdir().unwrap(), target };
        std::fs::write(site.directory.path().join("p.toml"), POLICY).unwrap();
        site.run_sql(
            "create role app_owner; create role ci login; create schema app authorization app_owner; \
             create table app.t (id int); alter table app.t owner to app_owner; grant select on app.t to public; \
             grant connect on database postgres to ci",
        )
        .await;
        site
    }

    async fn run_sql(&self, sql: &str) {
        Session::open(&self.target).await.unwrap().batch_execute(sql).await.unwrap();
    }

    fn plan(&self, user: &str, words: &[&str]) -> Output {
        let HostAddress::Socket(socket) = &self.target.hosts[0].address else { unreachable!("a socket") };
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
        command.current_dir(self.directory.path()).env_clear().env("HOME", self.directory.path());
        command.env("PGHOST", socket).env("PGPORT", self.target.hosts[0].port.to_string());
        command.env("PGUSER", user).env("PGDATABASE", "postgres");
        command.args(["roles", "--policy", "p.toml", "plan"]).args(words).output().unwrap()
    }
}

fn answer(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn a_plan_is_shown_saved_and_run_and_then_there_is_none() {
    let site = Site::new().await;
    let plan = site.plan("postgres", &["--out", "plan.json"]);
    assert_eq!(plan.status.code(), Some(4), "{plan:?}");
    insta::assert_snapshot!(answer(&plan));
    assert!(answer(&plan).lines().all(|line| line.chars().count() <= 80));
    let saved = std::fs::read_to_string(site.directory.path().join("plan.json")).unwrap();
    assert!(saved.contains("\"system_identifier\"") && saved.contains("create role \\\"reader\\\""));
    insta::assert_snapshot!(answer(&site.plan("postgres", &["--markdown"])));
    let script = site.plan("postgres", &["--sql"]);
    assert_eq!(script.status.code(), Some(4));
    site.run_sql(&answer(&script)).await;
    let again = site.plan("postgres", &[]);
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    assert!(answer(&again).starts_with("Database postgres is as the policy says\n"));
}

#[tokio::test]
async fn a_login_that_may_only_connect_sees_the_same_statements() {
    let site = Site::new().await;
    let (all, some) = (site.plan("postgres", &["--format", "csv"]), site.plan("ci", &["--format", "csv"]));
    assert_eq!((all.status.code(), some.status.code()), (Some(4), Some(4)), "{some:?}");
    assert_eq!(answer(&all), answer(&some));
    let told = answer(&site.plan("ci", &[]));
    assert!(told.contains("cannot change what is app_owner's: ci is no superuser"), "{told}");
}

#[tokio::test]
async fn r21_what_somebody_granted_by_hand_is_found() {
    let site = Site::new().await;
    site.run_sql(&answer(&site.plan("postgres", &["--sql"]))).await;
    site.run_sql("grant insert on app.t to reader; alter role reader set work_mem = '1GB'").await;
    let found = site.plan("postgres", &["--format", "json"]);
    assert_eq!(found.status.code(), Some(4));
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    let sql: Vec<&str> =
        found["changes"].as_array().unwrap().iter().map(|change| change["sql"].as_str().unwrap()).collect();
    assert_eq!(
        sql,
        ["alter role \"reader\" reset \"work_mem\"", "revoke insert on table \"app\".\"t\" from \"reader\""]
    );
}

#[tokio::test]
async fn a_policy_that_is_none_is_the_configurations_fault() {
    let site = Site::new().await;
    std::fs::write(site.directory.path().join("p.toml"), "version = 1\n[rolle.a]\n").unwrap();
    assert_eq!(site.plan("postgres", &[]).status.code(), Some(3));
}

//! `roles matrix`: what the university's policy leads to, and what the README shows of it.

use unisys_db::roles::Policy;
use unisys_testkit::{SHARED_SETTINGS, free_port, own_server};

use crate::place::{World, execute, value};

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_shows_what_the_policy_leads_to() {
    let server = own_server(free_port(), SHARED_SETTINGS).unwrap();
    let postgres = server.server().target("postgres");
    execute(&postgres, "create database university").await;
    let target = postgres.with_database("university");
    let world = World::new(&[("uni", &target)]);
    let run = |words: &[&str]| world.run(&[words, &["--database", "uni"]].concat());
    assert_eq!(run(&["migrate", "up", "--yes"]).code, Some(0));
    let said = run(&["roles", "apply", "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");

    let grid = run(&["roles", "matrix", "--markdown"]);
    assert_eq!(grid.code, Some(0), "{grid:?}");
    // from 17 on there is MAINTAIN, which owners and a dba have besides
    if value(&target, "select current_setting('server_version_num')")
        .await
        .is_some_and(|version| version.as_str() < "170000")
    {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&grid.stdout), "README.md does not have\n{}", grid.stdout);
    }
    let page = run(&["roles", "matrix", "--html"]).stdout;
    let policy = Policy::builtin().unwrap();
    for role in policy.roles.keys().filter(|role| *role != "unisys_ddl") {
        assert!(page.contains(&format!("<th scope=\"row\">{role}</th>")), "{role}");
    }
    assert!(!page.contains("://"), "a page needs nothing else");

    let tables = run(&["roles", "matrix", "app_user", "--schema", "app", "--format", "csv"]).stdout;
    assert!(tables.contains("\nstudents,raw\n") && tables.contains("\nsessions,(r)\n"), "{tables}");
    let json = run(&["roles", "matrix", "d_analyst", "--format", "json"]).json();
    assert_eq!(json["places"][1], "analysis", "{json}");
    let held = &json["roles"][0]["cells"][1]["held"];
    assert_eq!(held.as_array().unwrap().len(), 2, "USAGE and SELECT: {held}");
    assert_eq!(run(&["roles", "matrix", "nobody"]).code, Some(1));
    assert_eq!(run(&["roles", "matrix", "--schema", "nowhere"]).code, Some(1));
    assert_eq!(run(&["roles", "matrix", "--html", "--markdown"]).code, Some(2));
}

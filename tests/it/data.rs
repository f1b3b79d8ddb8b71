//! `data`, on a live database.

use unisys_testkit::database;

use crate::place::{World, execute};

#[tokio::test(flavor = "multi_thread")]
async fn without_the_schema_each_command_says_what_to_run_first() {
    let world = World::new(&[("uni", &database().await)]);
    for words in [&["data", "partitions", "--yes"][..], &["data", "quality"]] {
        let said = world.run(&[words, &["--database", "uni"]].concat());
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.stderr.contains("unisys-dba migrate up"), "{said:?}");
    }
    assert_eq!(world.run(&["data", "erd", "--database", "uni"]).code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_university_is_made_judged_drawn_and_its_months_kept() {
    let target = database().await;
    let world = World::new(&[("uni", &target)]);
    let run = |words: &[&str]| world.run(&[words, &["--database", "uni"]].concat());
    assert_eq!(run(&["migrate", "up", "--yes"]).code, Some(0));
    // as the policy will
    execute(
        &target,
        "grant usage on schema app to qa_owner; grant select on all tables in schema app to qa_owner",
    )
    .await;
    let said = run(&["data", "generate", "--students", "40", "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.stdout.contains("everybody knows: demonstration-key-of-seed-00000000000000000001\n"),
        "{said:?}"
    );
    let said = run(&["data", "quality"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.ends_with("0 of 13 rules are broken.\n"), "{said:?}");

    execute(&target, "insert into app.audit_logs (created_at, action) values ('2020-02-29', 'login')").await;
    let said = run(&["data", "quality", "audit_without_partition", "--format", "json"]);
    assert_eq!((said.code, said.json()["rules"][0]["rows"].as_i64()), (Some(4), Some(1)), "{said:?}");
    let months = ["data", "partitions", "--detach-before", "2020-03-01"];
    assert_eq!(run(&months).code, Some(2), "nobody was asked");
    let said = run(&[&months[..], &["--dry-run", "--format", "json"]].concat());
    assert_eq!(said.json()["steps"].as_array().unwrap().len(), 2, "{said:?}");
    let said = run(&[&months[..], &["--yes"]].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("made 2020-02, rows moved to it: 1\ndetached 2020-02\n"), "{said:?}");
    assert!(said.stdout.contains("make, detach"), "{said:?}");
    assert_eq!(run(&["data", "quality"]).code, Some(0));
    assert_eq!(run(&["data", "quality", "nonsense"]).code, Some(1));

    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("key");
    let again =
        ["data", "generate", "--students", "40", "--replace", "--yes", "--key-file", key.to_str().unwrap()];
    assert_eq!(run(&again).code, Some(2), "there is no such file");
    std::fs::write(&key, "short\n").unwrap();
    let said = run(&again);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr.contains("the key of the encrypted columns is shorter than 32 characters"),
        "{said:?}"
    );
    std::fs::write(&key, "0123456789-0123456789-0123456789-abcdef\n").unwrap();
    let said = run(&[&again[..], &["--format", "json"]].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.json()["key"]["demonstration"].is_null(), "{said:?}");
    assert!(!said.stdout.contains("abcdef") && !said.stderr.contains("abcdef"), "{said:?}");

    let docs = tempfile::tempdir().unwrap();
    let directory = docs.path().to_str().unwrap();
    assert_eq!(run(&["data", "erd", directory, "--check"]).code, Some(4));
    assert_eq!(run(&["data", "erd", directory]).code, Some(0));
    assert_eq!(run(&["data", "erd", directory, "--check"]).code, Some(0));
    execute(&target, "alter table app.faculties add column motto text").await;
    let said = run(&["data", "erd", directory, "--check"]);
    assert_eq!((said.code, said.stderr.matches("is out of date").count()), (Some(4), 2), "{said:?}");
}

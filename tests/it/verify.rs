//! `verify`, on live databases.

use unisys_testkit::database_with;

use crate::place::{World, conninfo, execute};

const ROWS: &str = "create schema app;
    create table app.a (id int primary key, name text, at timestamptz);
    insert into app.a select g, 'n' || g, '2026-01-01' from generate_series(1, 1000) g;
    create table app.b (x int, y text); insert into app.b values (1, 'one'), (2, null);
    create table app.p (k int, v text) partition by range (k);
    create table app.p1 partition of app.p for values from (0) to (10); insert into app.p values (1, 'x')";

/// The same rows in other order, with the columns in other order.
const SAME: &str = "create schema app;
    create table app.a (at timestamptz, id int primary key, name text);
    insert into app.a (id, name, at) select g, 'n' || g, '2026-01-01' from generate_series(1000, 1, -1) g;
    create table app.b (y text, x int); insert into app.b values (null, 2), ('one', 1);
    create table app.p (k int, v text) partition by range (k);
    create table app.p1 partition of app.p for values from (0) to (10); insert into app.p values (1, 'x')";

#[tokio::test(flavor = "multi_thread")]
async fn databases_with_the_same_rows_are_equal_whatever_the_order() {
    let (one, two) = (database_with(ROWS).await, database_with(SAME).await);
    let world = World::new(&[("one", &one), ("two", &two)]);
    for what in ["counts", "content"] {
        let said = world.run(&["verify", what, "one", "two"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.stdout.contains("of 3 tables (1,003 rows)"), "{said:?}");
    }
    // by a connection string, too
    let said = world.run(&["verify", "content", "one", &conninfo(&two), "--format", "json", "--jobs", "3"]);
    assert_eq!((said.code, said.json()["outcome"].as_str()), (Some(0), Some("equal")), "{said:?}");
    assert_eq!(said.json()["tables"].as_array().unwrap().len(), 3);
}

#[rstest::rstest]
#[case::a_row_changed("update app.a set name = 'other' where id = 500", true, "app.a", "content")]
#[case::a_row_added("insert into app.b values (3, 'three')", false, "app.b", "rows")]
#[case::a_row_twice_another_gone("update app.b set x = 1, y = 'one'", true, "app.b", "content")]
#[case::a_column_added("alter table app.b add z int", true, "app.b", "columns")]
#[case::a_table_missing("drop table app.b", false, "app.b", "only-in-a")]
#[case::a_table_more("create table app.c ()", false, "app.c", "only-in-b")]
#[case::in_a_partition("update app.p set v = 'y'", true, "app.p1", "content")]
#[tokio::test(flavor = "multi_thread")]
async fn every_difference_is_told(
    #[case] change: &str,
    #[case] only_content: bool,
    #[case] table: &str,
    #[case] state: &str,
) {
    let (one, two) = (database_with(ROWS).await, database_with(ROWS).await);
    execute(&two, change).await;
    let world = World::new(&[("one", &one), ("two", &two)]);
    world.backup("one");
    if !only_content {
        assert_eq!(world.run(&["verify", "counts", "one", "two"]).code, Some(4));
        assert_eq!(world.run(&["verify", "counts", "latest", "two", "--database", "one"]).code, Some(4));
    }
    for side in [["one", "two"], ["latest", "two"]] {
        let said =
            world.run(&["verify", "content", side[0], side[1], "--database", "one", "--format", "json"]);
        assert_eq!(said.code, Some(4), "{said:?}");
        let document = said.json();
        let tables = document["tables"].as_array().unwrap();
        let differing: Vec<_> = tables.iter().filter(|table| table["state"] != "equal").collect();
        assert_eq!(differing.len(), 1, "{said:?}");
        let name = format!(
            "{}.{}",
            differing[0]["schema"].as_str().unwrap(),
            differing[0]["name"].as_str().unwrap()
        );
        assert_eq!((name.as_str(), differing[0]["state"].as_str().unwrap()), (table, state));
    }
    // the other way round, and only the differing table is shown to a person
    let said = world.run(&["verify", "content", "two", "backup:latest", "--database", "one"]);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.stdout.contains(table) && !said.stdout.contains("equal"), "{said:?}");
    assert!(said.stdout.contains("DIFFERS  the rows of 1 of"), "{said:?}");
    let others = if table == "app.b" { "app.a" } else { "app.b" };
    assert_eq!(world.run(&["verify", "content", "one", "two", "--tables", others]).code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_compared_is_refused() {
    let one = database_with(ROWS).await;
    let world = World::new(&[("one", &one)]);
    world.backup("one");
    let two_backups = world.run(&["verify", "content", "latest", "latest"]);
    assert_eq!(two_backups.code, Some(1), "{two_backups:?}");
    assert_eq!(world.run(&["verify", "counts", "latest", "latest"]).code, Some(0));
    assert_eq!(world.run(&["verify", "counts", "one", "nonsense"]).code, Some(2));
    assert_eq!(world.run(&["verify", "counts", "one", "one", "--tables", "app.zzz"]).code, Some(2));
    let csv = world.run(&["verify", "counts", "one", "latest", "--format", "csv"]);
    assert!(
        csv.stdout.starts_with("Table,Rows A,Rows B,State\n") && csv.stdout.contains("app.a,1000,1000,equal"),
        "{csv:?}"
    );
}

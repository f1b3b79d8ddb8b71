//! `restore`, on live servers.

use unisys_db::inventory::{self, Inventory, Kind};
use unisys_db::{Session, Target};
use unisys_testkit::{database_with, free_port, own_server, server};

use crate::place::{World, conninfo, execute, value};

const APP: &str = "create schema app;
    create table app.parent (id bigint generated always as identity primary key, name text);
    create table app.child (id serial primary key, parent bigint references app.parent, note text default 'x');
    create index child_note on app.child (note);
    insert into app.parent (name) select 'p' || g from generate_series(1, 500) g;
    insert into app.child (parent, note) select g, 'n' || g from generate_series(1, 500) g;
    create table app.large (id int primary key, filler text);
    insert into app.large select g, repeat(md5(g::text), 8) from generate_series(1, 10000) g;
    select lo_from_bytea(0, 'large')";

async fn databases(target: &Target, pattern: &str) -> String {
    let sql = format!(
        "select coalesce(string_agg(datname, ' ' order by datname), '') from pg_database where datname like '{pattern}'"
    );
    value(target, &sql).await.unwrap()
}

async fn inventory_of(target: &Target) -> Inventory {
    let session = Session::open(target).await.unwrap();
    session.set_pinned().await.unwrap();
    session.batch_execute("begin transaction isolation level repeatable read, read only").await.unwrap();
    let all = inventory::load(&session).await.unwrap();
    // of a server, not of a database; and a copy does not subscribe
    let kinds = [Kind::Role, Kind::Tablespace, Kind::Parameter, Kind::Subscription];
    Inventory { items: all.items.into_iter().filter(|item| !kinds.contains(&item.kind)).collect() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_zoo_comes_back_equal_on_another_server() {
    let settings = [("allow_in_place_tablespaces", "on"), ("wal_level", "logical")];
    let from = own_server(free_port(), &settings).unwrap();
    let to = own_server(free_port(), &settings).unwrap();
    let (from, to_server) = (from.server(), to.server());
    let space = "set allow_in_place_tablespaces = on";
    for target in [from.target("postgres"), to_server.target("postgres")] {
        let session = Session::open(&target).await.unwrap();
        session.batch_execute(space).await.unwrap();
        session.batch_execute("create tablespace \"zoo space\" location ''").await.unwrap();
    }
    execute(&from.target("postgres"), unisys_testkit::ZOO_CLUSTER).await;
    execute(&from.target("postgres"), "create database zoo").await;
    execute(&from.target("zoo"), unisys_testkit::ZOO).await;
    let world = World::new(&[("zoo", &from.target("zoo"))]);
    world.backup("zoo");
    let url = conninfo(&to_server.target("postgres"));
    let said = world.run(&[
        "restore", "latest", "--to", "copy", "--server", &url, "--verify", "--yes", "--format", "json",
    ]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.json()["outcome"], "restored");
    assert!(said.json()["compared"]["tables"].as_u64().unwrap() > 20);
    let roles = said.json()["created_roles"].to_string();
    assert!(roles.contains("zoo_owner") && roles.contains("Rôle"), "{roles}");
    let expected = inventory_of(&from.target("zoo")).await;
    let found = inventory_of(&to_server.target("copy")).await;
    let differences: Vec<String> =
        inventory::diff(&expected, &found).iter().map(ToString::to_string).collect();
    // PostgreSQL words these anew after any restore
    let reworded = ["between_them on zoo.checked", "trap on zoo.checked", "code_check on zoo.code"];
    let expected = |line: &str| reworded.iter().any(|name| line.contains(&format!("{name}: definition")));
    let real: Vec<&String> = differences.iter().filter(|line| !expected(line)).collect();
    assert!(real.is_empty(), "{real:#?}");
    assert_eq!(databases(&to_server.target("postgres"), "unisys_dba_restore%").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_empty_is_replaced_only_by_name_and_kept() {
    let source = database_with(APP).await;
    let other = database_with("create table precious (a int); insert into precious values (1)").await;
    let world = World::new(&[("src", &source)]);
    world.backup("src");
    let name = other.database.as_str();
    let refused = world.run(&["restore", "latest", "--to", name, "--yes"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("is not empty"), "{refused:?}");
    let wrong = world.run(&["restore", "latest", "--to", name, "--replace", "another", "--yes"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert_eq!(value(&other, "select count(*) from precious").await.unwrap(), "1");

    let user = Session::open(&other).await.unwrap();
    let busy = world.run(&["restore", "latest", "--to", name, "--replace", name, "--yes"]);
    assert_eq!(busy.code, Some(1), "{busy:?}");
    assert!(busy.stderr.contains("1 sessions use the database"), "{busy:?}");
    let said = world.run(&[
        "restore",
        "latest",
        "--to",
        name,
        "--replace",
        name,
        "--disconnect",
        "--yes",
        "--format",
        "json",
    ]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(user.batch_execute("select 1").await.is_err(), "the session was ended");
    let old = said.json()["kept_as"].as_str().unwrap().to_owned();
    assert!(said.stderr.contains(&format!("drop database \"{old}\"")), "{said:?}");
    assert_eq!(value(&other.with_database(old), "select count(*) from precious").await.unwrap(), "1");
    assert_eq!(value(&other, "select count(*) from app.child").await.unwrap(), "500");
    assert_eq!(
        value(&other, "select reltuples::int from pg_class where oid = 'app.child'::regclass").await.unwrap(),
        "500",
        "analyzed"
    );
    assert_eq!(
        value(&other, "select convert_from(lo_get(oid), 'UTF8') from pg_largeobject_metadata").await.unwrap(),
        "large"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_gives_way_and_a_dry_run_changes_nothing() {
    let source = database_with(APP).await;
    let empty = unisys_testkit::database().await;
    let world = World::new(&[("src", &source)]);
    world.backup("src");
    let plan = world.run(&["restore", "latest", "--to", &empty.database, "--dry-run", "--format", "json"]);
    assert_eq!((plan.code, plan.json()["outcome"].as_str()), (Some(0), Some("planned")), "{plan:?}");
    assert_eq!(value(&empty, "select count(*) from pg_namespace where nspname = 'app'").await.unwrap(), "0");
    let unanswered = world.run(&["restore", "latest", "--to", &empty.database]);
    assert_eq!(unanswered.code, Some(2), "without a terminal and --yes nothing is changed: {unanswered:?}");
    let said = world.run(&["restore", "latest", "--to", &empty.database, "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(value(&empty, "select count(*) from app.parent").await.unwrap(), "500");
    assert_eq!(databases(&server(), &format!("{}_%", empty.database)).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_roles_are_made_or_listed_and_existing_ones_left_alone() {
    let from = own_server(free_port(), &[]).unwrap();
    let to = own_server(free_port(), &[]).unwrap();
    let (source, target) = (from.server().target("postgres"), to.server().target("postgres"));
    execute(&source, "create role owns login password 'sesame'; create role reads; create role idle").await;
    execute(&source, "create database d owner owns").await;
    let inside = source.with_database("d");
    execute(&inside, "create table t (a int); alter table t owner to owns; grant select on t to reads; insert into t values (1)").await;
    execute(&target, "create role reads createdb").await;
    let world = World::new(&[("src", &inside)]);
    world.backup("src");
    let url = conninfo(&target);
    let listed = world.run(&["restore", "latest", "--to", "d", "--server", &url, "--no-roles", "--yes"]);
    assert_eq!(listed.code, Some(1), "{listed:?}");
    assert!(
        listed.stderr.contains("CREATE ROLE owns;") && listed.stderr.contains("has no role owns:"),
        "{listed:?}"
    );
    assert!(!listed.stderr.contains("SCRAM"), "a hash is a secret: {listed:?}");
    let without = world.run(&[
        "restore",
        "latest",
        "--to",
        "plain",
        "--server",
        &url,
        "--no-roles",
        "--no-owner",
        "--yes",
    ]);
    assert_eq!(without.code, Some(0), "{without:?}");
    let sql = "select tableowner from pg_tables where tablename = 't'";
    assert_eq!(value(&target.with_database("plain"), sql).await.unwrap(), "postgres");
    let said = world.run(&["restore", "latest", "--to", "d", "--server", &url, "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(value(&target.with_database("d"), sql).await.unwrap(), "owns");
    let roles = "select string_agg(rolname || rolcreatedb || (rolpassword is not null), ' ' order by rolname) from pg_authid where rolname !~ '^(pg_|postgres)'";
    assert_eq!(value(&target, roles).await.unwrap(), "ownsfalsetrue readstruefalse", "idle is not needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_may_create_databases_restores_without_owners() {
    let source = database_with(&format!(
        "{APP}; create function app.told() returns event_trigger language plpgsql as 'begin end';
         create event trigger told on ddl_command_end execute function app.told();
         comment on event trigger told is 'needs a superuser'"
    ))
    .await;
    let name = format!("plain_{}", std::process::id());
    execute(&server(), &format!("create role {name} login createdb")).await;
    let world = World::new(&[("src", &source)]);
    world.backup("src");
    let url = conninfo(&server().with_user(name.clone()));
    let refused = world.run(&["restore", "latest", "--to", &name, "--server", &url, "--yes"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("cannot give anything to postgres"), "{refused:?}");
    let said =
        world.run(&["restore", "latest", "--to", &name, "--server", &url, "--no-owner", "--verify", "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("Event triggers are not restored"), "{said:?}");
    let owner = "select tableowner from pg_tables where tablename = 'child'";
    assert_eq!(value(&source.with_database(name.clone()), owner).await.unwrap(), name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_found_before_anything_is_made() {
    let target = own_server(free_port(), &[]).unwrap();
    let source = database_with(APP).await;
    let world = World::new(&[("src", &source)]);
    let backup = world.backup("src");
    world.flip(&backup, "database.dump.zst.age");
    let url = conninfo(&target.server().target("postgres"));
    let said = world.run(&["restore", "latest", "--to", "copy", "--server", &url, "--yes"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("database.dump.zst.age"), "{said:?}");
    let newest = "select max(oid::bigint) < 16384 from pg_database";
    assert_eq!(
        value(&target.server().target("postgres"), newest).await.unwrap(),
        "true",
        "no database was ever made"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_restore_leaves_nothing() {
    use std::time::{Duration, Instant};

    use nix::sys::signal::{Signal, kill};

    let server = own_server(free_port(), &[]).unwrap();
    let source = server.server().target("postgres");
    // quick when the source builds it, slow when the copy does
    let sql = "create table t (a int); insert into t select generate_series(1, 600);
        create function odd(int) returns int immutable language sql as 'select $1'; create index on t (odd(a));
        create or replace function odd(int) returns int immutable language plpgsql
            as 'begin perform pg_sleep(0.1); return $1; end'";
    execute(&source, sql).await;
    let world = World::new(&[("src", &source)]);
    world.backup("src");
    let mut child = world.start(&["restore", "latest", "--to", "late", "--yes"]);
    let patience = Instant::now() + Duration::from_secs(30);
    let building = "select count(*) from pg_stat_activity where datname like 'unisys\\_dba\\_restore\\_%' and query like 'CREATE INDEX%'";
    while value(&source, building).await.unwrap() == "0" {
        assert!(Instant::now() < patience && child.try_wait().unwrap().is_none(), "the index is never built");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let staged = world.temporary_files();
    assert!(staged.iter().any(|name| name == "schema.dump"), "{staged:?}");
    assert!(!staged.iter().any(|name| name.contains("database.dump")), "rows on disk: {staged:?}");
    kill(nix::unistd::Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let own = "select count(*) from pg_database where datname ~ '^(late|unisys_dba_restore_)'";
    assert_eq!(value(&source, own).await.unwrap(), "0");
    assert_eq!(world.temporary_files(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_tables_come_with_what_is_theirs() {
    let source = database_with(APP).await;
    let target = unisys_testkit::database().await;
    let world = World::new(&[("src", &source)]);
    world.backup("src");
    let to = target.database.as_str();
    let said =
        world.run(&["restore", "latest", "--to", to, "--tables", "app.child", "--yes", "--format", "json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.json()["left_out"][0].as_str().unwrap().contains("FK CONSTRAINT"), "{said:?}");
    execute(&target, "drop schema app cascade").await;
    let said =
        world.run(&["restore", "latest", "--to", to, "--tables", "app.child,app.p*,app.large", "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let shape =
        "select string_agg(indexname, ' ' order by indexname) from pg_indexes where schemaname = 'app'";
    assert_eq!(value(&target, shape).await, value(&source, shape).await);
    let rows = world.run(&["verify", "content", "latest", &conninfo(&target), "--tables", "app.*"]);
    assert_eq!(rows.code, Some(0), "{rows:?}");
    let keys = "select count(*) from pg_constraint where contype = 'f' and convalidated";
    assert_eq!(value(&target, keys).await.unwrap(), "1");
    assert_eq!(value(&target, "select nextval('app.child_id_seq')").await.unwrap(), "501");
    execute(&target, "insert into app.parent (name) values ('next')").await;
    assert_eq!(value(&target, "select max(id) from app.parent").await.unwrap(), "501");

    let again = world.run(&["restore", "latest", "--to", to, "--tables", "app.child", "--yes"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    execute(&target, "delete from app.child; select setval('app.child_id_seq', 1)").await;
    let filled = world.run(&["restore", "latest", "--to", to, "--tables", "app.child", "--yes"]);
    assert_eq!(filled.code, Some(0), "{filled:?}");
    assert_eq!(
        value(&target, "select count(*) || ' ' || nextval('app.child_id_seq') from app.child").await.unwrap(),
        "500 501"
    );
    let none = world.run(&["restore", "latest", "--to", to, "--tables", "app.nothing", "--yes"]);
    assert_eq!(none.code, Some(1), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_tables_come_all_or_not_at_all() {
    let source = database_with(&format!("{APP}; create function app.f() returns trigger language plpgsql as 'begin return new; end'; create trigger t before insert on app.child for each row execute function app.f()")).await;
    let target = unisys_testkit::database().await;
    let world = World::new(&[("src", &source)]);
    world.backup("src");
    let said = world.run(&["restore", "latest", "--to", &target.database, "--tables", "app.*", "--yes"]);
    assert_eq!(said.code, Some(1), "the trigger's function is not there: {said:?}");
    assert!(said.stderr.contains("app.f()"), "{said:?}");
    assert_eq!(value(&target, "select count(*) from pg_namespace where nspname = 'app'").await.unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_tables_come_into_a_schema_of_their_own_beside_the_damaged_ones() {
    let source = database_with(&format!(
        "{APP}; create type app.mood as enum ('sad', 'glad'); create function app.f() returns trigger language plpgsql
            as 'begin return new; end';
         create table app.\"Odd 'one'\" (id serial primary key, mood app.mood default 'sad', note text check (note <> 'app.child'));
         create trigger t before update on app.\"Odd 'one'\" for each row execute function app.f();
         comment on index app.child_note is 'an index of app.child';
         create policy p on app.child using (parent in (select id from app.parent));
         insert into app.\"Odd 'one'\" (mood) values ('glad')"
    ))
    .await;
    let world = World::new(&[("src", &source)]);
    world.backup("src");
    execute(&source, "delete from app.child where id > 10; update app.parent set name = 'wrong'").await;
    let to = source.database.as_str();
    let tables = "app.child,app.parent,app.large,app.Odd*";
    let restore = |more: &[&str]| {
        let args = ["restore", "latest", "--to", to, "--tables", tables, "--into-schema", "Res cue"];
        world.run(&[&args[..], more].concat())
    };
    let planned = restore(&["--dry-run"]);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    assert!(planned.stdout.contains("Makes the schema Res cue"), "{planned:?}");
    let said = restore(&["--yes", "--format", "json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.json()["into_schema"], "Res cue");
    let damaged = "select count(*) || ' ' || (select min(name) from app.parent) from app.child";
    assert_eq!(value(&source, damaged).await.unwrap(), "10 wrong", "the damaged ones are as they were");
    let whole = "select count(*) || ' ' || (select count(*) from \"Res cue\".parent where name like 'p%') from \"Res cue\".child";
    assert_eq!(value(&source, whole).await.unwrap(), "500 500");
    for (sql, expected) in [
        (
            "select string_agg(indexname, ' ' order by indexname) from pg_indexes where schemaname = 'Res cue'",
            "Odd 'one'_pkey child_note child_pkey large_pkey parent_pkey",
        ),
        (
            "select confrelid::regclass::text from pg_constraint where contype = 'f' and conrelid = '\"Res cue\".child'::regclass",
            "\"Res cue\".parent",
        ),
        ("select nextval(pg_get_serial_sequence('\"Res cue\".child', 'id'))", "501"),
        ("select pg_get_serial_sequence('\"Res cue\".parent', 'id')", "\"Res cue\".parent_id_seq"),
        ("select last_value from app.child_id_seq", "500"),
        ("select obj_description('\"Res cue\".child_note'::regclass)", "an index of app.child"),
        (
            "select tgfoid::regproc::text from pg_trigger where tgrelid = '\"Res cue\".\"Odd ''one''\"'::regclass",
            "app.f",
        ),
        (
            "select pg_get_expr(polqual, polrelid) like '%\"Res cue\".parent%' from pg_policy where polrelid = '\"Res cue\".child'::regclass",
            "true",
        ),
        (
            "select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = '\"Res cue\".child'::regclass and adnum = 1",
            "nextval('\"Res cue\".child_id_seq'::regclass)",
        ),
    ] {
        assert_eq!(value(&source, sql).await.unwrap_or_default(), expected, "{sql}");
    }
    let again = restore(&["--yes"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("Res cue.child is there and not an empty table"), "{again:?}");
    let alone = world.run(&["restore", "latest", "--to", to, "--into-schema", "x", "--yes"]);
    assert_eq!(alone.code, Some(2), "{alone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_database_changes_on_their_way_in_are_not_kept() {
    let source = database_with(APP).await;
    let world = World::new(&[("src", &source)]);
    world.backup("src");
    execute(
        &source,
        "delete from app.child; create function app.f() returns trigger language plpgsql
            as 'begin new.note := upper(new.note); return new; end';
         create trigger t before insert on app.child for each row execute function app.f()",
    )
    .await;
    let said = world.run(&["restore", "latest", "--to", &source.database, "--tables", "app.child", "--yes"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr.contains("app.child would not be as in the backup (500 rows there, 500 here)"),
        "{said:?}"
    );
    assert_eq!(value(&source, "select count(*) from app.child").await.unwrap(), "0");
}

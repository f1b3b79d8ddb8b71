//! A backup served for a while: what its login can do, and what it cannot.

use unisys_db::pattern::TablePattern;
use unisys_db::{Session, Target};
use unisys_ops::opened::OpenedBackup;

use crate::support::{Place, value};

const SOURCE: &str = "
create schema app; create type app.mood as enum ('sad', 'glad');
create table app.parent (id bigint generated always as identity primary key, mood app.mood);
create table app.child (id serial primary key, parent bigint references app.parent, note text);
create index child_note on app.child (note);
create table app.large (id integer primary key, filler text);
insert into app.parent (mood) select 'glad' from generate_series(1, 50);
insert into app.child (parent, note) select g, 'n' || g from generate_series(1, 50) g;
insert into app.large select g, repeat(md5(g::text), 8) from generate_series(1, 6000) g;
create materialized view app.sums as select count(*) as n from app.large;
alter table app.child enable row level security; create policy nobody on app.child using (false);
revoke connect on database {database} from public;
select lo_from_bytea(4711, 'large object');";

async fn source() -> Target {
    let target = unisys_testkit::database().await;
    let sql = SOURCE.replace("{database}", &target.database);
    Session::open(&target).await.unwrap().batch_execute(&sql).await.unwrap();
    target
}

async fn refused(target: &Target, sql: &str) -> String {
    let session = Session::open(target).await.unwrap();
    let error = session.batch_execute(sql).await.unwrap_err();
    error.as_db_error().unwrap().message().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_an_opened_backup_can_be_read_and_nothing_written() {
    let place = Place::new();
    let backup = place.backup(&source().await).await;
    let opened =
        OpenedBackup::open(&place.store, &backup.manifest.id, &place.drill_options(), &[]).await.unwrap();
    let reader = opened.target();
    assert_eq!((opened.facts().rows, opened.facts().tables.as_ref()), (6100, None));
    assert_eq!(value(&reader, "select count(*) from app.child").await, "50", "no policy hides a row");
    assert_eq!(value(&reader, "select n from app.sums").await, "6000");
    assert_eq!(value(&reader, "select convert_from(lo_get(4711), 'UTF8')").await, "large object");
    let writing = "insert into app.large values (0, '')";
    assert!(refused(&reader, writing).await.contains("read-only transaction"));
    let daring = reader.with_setting("default_transaction_read_only", "off");
    assert!(refused(&daring, writing).await.contains("permission denied"));
    let passfile = std::fs::read_to_string(&opened.facts().passfile).unwrap();
    assert!(passfile.starts_with("127.0.0.1:*:*:backup_reader:"));
    let mut wrong = reader.clone();
    wrong.password = Some("wrong".to_owned().into());
    assert!(Session::open(&wrong).await.is_err());
    let superuser = reader.with_user("postgres");
    assert!(Session::open(&superuser).await.is_err(), "over the network only the reader comes in");
    drop(opened);
    assert!(Session::open(&reader).await.is_err());
    place.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_tables_of_an_opened_backup_are_whole_and_the_others_are_not_empty_but_closed() {
    let place = Place::new();
    let backup = place.backup(&source().await).await;
    for (patterns, open, closed, rows) in [
        (vec!["app.child"], "app.child", "app.large", 50),
        (vec!["app.large", "*.par*"], "app.large", "app.child", 6050),
    ] {
        let patterns: Vec<_> = patterns.iter().map(|text| TablePattern::parse(text).unwrap()).collect();
        let opened = OpenedBackup::open(&place.store, &backup.manifest.id, &place.drill_options(), &patterns)
            .await
            .unwrap();
        let reader = opened.target();
        assert_eq!(opened.facts().rows, rows);
        assert_eq!(opened.facts().tables.as_ref().unwrap().len(), patterns.len());
        assert!(value(&reader, &format!("select count(*) > 40 from {open}")).await == "true");
        assert!(refused(&reader, &format!("select from {closed}")).await.contains("permission denied"));
        let keys = format!("select count(*) from pg_index where indrelid = '{open}'::regclass");
        let indexes = if open == "app.child" { "2" } else { "1" };
        assert_eq!(value(&reader, &keys).await, indexes);
        let mut dump = unisys_testkit::programs().command("pg_dump");
        dump.envs(reader.child_env()).args(["-t", open, "--no-owner"]);
        let output = dump.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains(&format!("COPY {open}")), "{text}");
    }
    let none = [TablePattern::parse("app.nothing").unwrap()];
    let refused = OpenedBackup::open(&place.store, &backup.manifest.id, &place.drill_options(), &none).await;
    assert!(refused.is_err());
    place.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partitioned_table_of_an_opened_backup_can_be_read_when_all_of_it_is_there() {
    let sql = "create schema app; create table app.kind (id integer primary key);
        create function app.f() returns trigger language plpgsql as 'begin return new; end';
        create table app.events (id bigint generated always as identity, at date, kind integer references app.kind, primary key (id, at))
            partition by range (at);
        create trigger t before insert on app.events for each row execute function app.f();
        create table app.e24 partition of app.events for values from ('2024-01-01') to ('2025-01-01');
        create table app.e25 partition of app.events for values from ('2025-01-01') to ('2026-01-01');
        alter table app.e24 disable trigger t;
        insert into app.kind values (1);
        insert into app.events (at, kind) select date '2024-06-01' + g, 1 from generate_series(1, 400) g";
    let place = Place::new();
    let backup = place.backup(&unisys_testkit::database_with(sql).await).await;
    let open = async |pattern: &str| {
        let patterns = [TablePattern::parse(pattern).unwrap()];
        OpenedBackup::open(&place.store, &backup.manifest.id, &place.drill_options(), &patterns)
            .await
            .unwrap()
    };
    let opened = open("app.events").await;
    let keys = "select count(*) || ' ' || (select count(*) from pg_index where indisvalid and indrelid::regclass::text like 'app.e%') from app.events";
    assert_eq!(value(&opened.target(), keys).await, "400 3");
    assert_eq!(opened.facts().tables.as_ref().unwrap().len(), 3);
    assert!(refused(&opened.target(), "select from app.kind").await.contains("permission denied"));
    drop(opened);
    let opened = open("app.e24").await;
    let keys = "select count(*) || ' ' || (select count(*) from pg_index where indrelid = 'app.e24'::regclass) from app.e24";
    assert_eq!(value(&opened.target(), keys).await, "213 1");
    assert!(refused(&opened.target(), "select from app.events").await.contains("permission denied"));
    drop(opened);
    place.assert_clean();
}

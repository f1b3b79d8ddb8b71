//! Backups of a part of a database: proved exactly, refused where they could not be restored.

use unisys_db::Target;
use unisys_db::pattern::{SchemaPattern, TablePattern};
use unisys_db::selection::{Content, Selection};
use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupOptions, BackupReport, DumpOptions, Layout};
use unisys_ops::drill::{DrillRecord, RestoredCopy};

use crate::support::{Place, execute, text, value};

/// Three schemas that lean on each other, and something that belongs to none.
const SOURCE: &str = "
    create schema app; create schema etl; create schema audit;
    create type app.mood as enum ('good', 'bad');
    create table app.person (id serial primary key, name text not null, mood app.mood);
    create table app.visit (id int generated always as identity primary key, person int references app.person, note text);
    create table app.sessions (id int primary key, person int references app.person);
    create table app.event (at date not null, what text) partition by range (at);
    create table app.event_1 partition of app.event for values from ('2026-01-01') to ('2027-01-01');
    create table app.big (id int primary key, filler text);
    create index on app.event (what);
    create view app.names as select name from app.person;
    create materialized view app.online as select count(*) as n from app.sessions;
    create table etl.raw (line text);
    create function etl.clean(text) returns text language sql immutable as 'select btrim($1)';
    create table audit.entry (id bigserial primary key, what text);
    create publication news for table app.visit, etl.raw, app.event;
    alter default privileges in schema etl grant select on tables to public;
    insert into app.person (name, mood) select 'n' || i, 'good' from generate_series(1, 300) as i;
    insert into app.visit (person, note) select i, 'v' from generate_series(1, 300) as i;
    insert into app.sessions select i, i from generate_series(1, 50) as i;
    insert into app.event select date '2026-01-01' + i % 300, 'e' from generate_series(1, 500) as i;
    insert into app.big select i, repeat(md5(i::text), 10) from generate_series(1, 9000) as i;
    insert into etl.raw select 'r' from generate_series(1, 40);
    insert into audit.entry (what) select 'a' from generate_series(1, 20);
    refresh materialized view app.online;
    comment on table app.person is 'people';
    select lo_from_bytea(0, 'large');
";

fn tables(patterns: &[&str]) -> Vec<TablePattern> {
    patterns.iter().map(|text| TablePattern::parse(text).unwrap()).collect()
}

fn schemas(patterns: &[&str]) -> Vec<SchemaPattern> {
    patterns.iter().map(|text| SchemaPattern::parse(text).unwrap()).collect()
}

async fn run(place: &Place, source: &Target, selection: Selection) -> Result<BackupReport, OpsError> {
    backup::run(&place.store, BackupOptions { selection, ..place.backup_options(source) }).await
}

/// Backs up a part and proves it.
async fn proved(place: &Place, source: &Target, selection: Selection) -> (BackupReport, DrillRecord) {
    let report = run(place, source, selection).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    let record = place.prove(&report.manifest.id).await;
    (report, record)
}

fn names(report: &BackupReport) -> Vec<String> {
    report.manifest.tables.iter().map(|table| format!("{}.{}", table.schema, table.name)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_proved_exactly_and_says_what_it_is() {
    let place = Place::new();
    let source = unisys_testkit::database_with(SOURCE).await;
    let selection = Selection {
        exclude_schemas: schemas(&["etl"]),
        exclude_tables: tables(&["app.event", "audit.*"]),
        exclude_table_data: tables(&["app.sessions"]),
        ..Selection::default()
    };
    let (report, record) = proved(&place, &source, selection).await;
    assert_eq!(names(&report), ["app.big", "app.person", "app.sessions", "app.visit"]);
    let sessions = report.manifest.tables.iter().find(|table| table.name == "sessions").unwrap();
    assert_eq!((sessions.rows, sessions.without_rows), (0, true));
    assert_eq!(record.compared.tables, 3);
    assert_eq!(record.compared.rows, 300 + 300 + 9000);
    let not_compared = record.not_compared.join("\n");
    for part in [
        "schemas: etl",
        "tables: app.event, app.event_1, audit.entry",
        "the rows of app.sessions",
        "materialised views that read tables without rows: app.online",
    ] {
        assert!(not_compared.contains(part), "{part}: {not_compared}");
    }
    // what is in the copy beside that is a difference, and so is what is missing of it
    let copy =
        RestoredCopy::restore(&place.store, &report.manifest.id, &place.drill_options()).await.unwrap();
    assert_eq!(value(&copy.target(), "select count(*) from app.sessions").await, "0");
    assert_eq!(value(&copy.target(), "select to_regclass('audit.entry_id_seq') is null").await, "true");
    assert_eq!(copy.compare().await.unwrap().differences, Vec::<String>::new());
    execute(&copy.target(), "create table audit.entry (id int); drop view app.names").await;
    execute(&copy.target(), "insert into app.sessions values (1, 1)").await;
    let differences = copy.compare().await.unwrap().differences.join("\n");
    for part in ["extra: table audit.entry", "missing: view app.names", "table app.sessions: expected 0 rows"]
    {
        assert!(differences.contains(part), "{part}: {differences}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_tables_bring_their_partitions_sequences_and_types() {
    let place = Place::new();
    let source = unisys_testkit::database_with(SOURCE).await;
    for layout in [Layout::Parallel, Layout::Single] {
        let selection = Selection {
            schemas: schemas(&["app"]),
            tables: tables(&["app.person", "app.event", "big"]),
            ..Selection::default()
        };
        let options = BackupOptions { selection, layout, ..place.backup_options(&source) };
        let report = backup::run(&place.store, options).await.unwrap();
        assert_eq!(names(&report), ["app.big", "app.event_1", "app.person"]);
        let record = place.prove(&report.manifest.id).await;
        assert_eq!((record.compared.sequences, record.compared.large_objects), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_alone_and_rows_alone_are_proved() {
    let place = Place::new();
    let source = unisys_testkit::database_with(SOURCE).await;
    let content = |content| Selection { content, ..Selection::default() };
    let (report, record) = proved(&place, &source, content(Content::Schema)).await;
    assert_eq!((report.manifest.rows(), record.compared.rows, record.compared.sequences), (0, 0, 0));
    assert!(record.compared.objects > 20, "{record:?}");
    assert!(record.not_compared.iter().any(|text| text.contains("schema only")), "{record:?}");
    let (report, record) = proved(&place, &source, content(Content::Data)).await;
    assert_eq!(report.manifest.rows(), 300 + 300 + 50 + 500 + 9000 + 40 + 20);
    assert_eq!((record.compared.large_objects, record.compared.sequences), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_could_not_be_restored_is_refused_beforehand() {
    let place = Place::new();
    let source = unisys_testkit::database_with(SOURCE).await;
    execute(&source, "create table app.cleaned (raw text, check (etl.clean(raw) <> ''))").await;
    for (selection, part) in [
        // a view and a foreign key of what stays
        (
            Selection { exclude_tables: tables(&["app.person"]), ..Selection::default() },
            "view app.names needs table app.person",
        ),
        (
            Selection { exclude_tables: tables(&["app.person"]), ..Selection::default() },
            "visit_person_fkey on app.visit needs",
        ),
        // a function in another schema
        (
            Selection { exclude_schemas: schemas(&["etl"]), ..Selection::default() },
            "needs function etl.clean",
        ),
        // a partition without its table
        (
            Selection { tables: tables(&["app.event_1"]), ..Selection::default() },
            "table app.event_1 needs table app.event",
        ),
        // rows that are pointed to
        (
            Selection { exclude_table_data: tables(&["app.person"]), ..Selection::default() },
            "sessions_person_fkey of app.sessions; visit_person_fkey of app.visit",
        ),
        // nothing of the kind
        (
            Selection { exclude_table_data: tables(&["app.session"]), ..Selection::default() },
            "exclude-table-data \"app.session\" takes no table",
        ),
    ] {
        let error = text(&run(&place, &source, selection).await.unwrap_err());
        assert!(error.contains(part), "{part}: {error}");
        place.assert_clean();
    }
    assert!(
        place
            .store
            .root()
            .read_dir()
            .unwrap()
            .all(|entry| { entry.unwrap().file_name().to_string_lossy().starts_with('.') })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_sessions_stay_behind_and_a_strangers_do_not() {
    let place = Place::new();
    let ours = unisys_testkit::database_with(SOURCE).await;
    let selection = Selection { exclude_transient: true, ..Selection::default() };
    let (report, _) = proved(&place, &ours, selection.clone()).await;
    assert_eq!(report.manifest.selection, None);
    execute(&ours, "create schema ops; create table ops.schema_history (version int)").await;
    let (report, record) = proved(&place, &ours, selection.clone()).await;
    let known = report.manifest.selection.unwrap();
    assert_eq!(known.without_rows.iter().map(ToString::to_string).collect::<Vec<_>>(), ["app.sessions"]);
    assert!(report.manifest.warnings.iter().any(|text| text.contains("app.sessions")));
    assert!(record.not_compared.iter().any(|text| text.contains("the rows of app.sessions")));
    // nobody asked: what others point to keeps its rows
    execute(&ours, "create table app.trail (session int references app.sessions)").await;
    let (report, _) = proved(&place, &ours, selection).await;
    assert_eq!(report.manifest.selection, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pg_dump_was_told_to_leave_out_is_not_missed() {
    let place = Place::new();
    let source = unisys_testkit::database_with(SOURCE).await;
    let dump_options = DumpOptions::parse(&["--no-comments".into(), "--no-publications".into()]).unwrap();
    let options = BackupOptions { dump_options, ..place.backup_options(&source) };
    let report = backup::run(&place.store, options).await.unwrap();
    let record = place.prove(&report.manifest.id).await;
    let not_compared = record.not_compared.join("\n");
    assert!(not_compared.contains("--no-comments, --no-publications"), "{not_compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_lies_about_its_part_is_found_out() {
    let place = Place::new();
    let source = unisys_testkit::database_with(SOURCE).await;
    let selection = Selection { exclude_table_data: tables(&["app.sessions"]), ..Selection::default() };
    let report = run(&place, &source, selection).await.unwrap();
    let path = place.store.root().join(report.manifest.id.as_str()).join("manifest.json");
    let mut manifest = report.manifest.clone();
    manifest.selection = None;
    std::fs::write(&path, manifest.to_json().unwrap()).unwrap();
    let record = place.drill(&report.manifest.id).await.unwrap();
    assert!(record.differences[0].contains("what of the database is left out"), "{record:?}");
}

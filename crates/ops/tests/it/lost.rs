//! Programs that die and connections that break while a backup is made.

use std::path::Path;

use unisys_db::Target;
use unisys_ops::OpsError;
use unisys_ops::backup;
use unisys_ops::drill::Outcome;
use unisys_ops::program::Search;
use unisys_ops::store::Store;

use crate::support::{Place, When, aside, execute, text};

const SOURCE: &str = "
create table one (id integer, filler text);
insert into one select g, repeat(md5(g::text), 30) from generate_series(1, 6000) g;
create table two (id integer, filler text);
insert into two select g, repeat(md5(g::text), 30) from generate_series(1, 3000) g;
create table small (id serial primary key, word text);
insert into small (word) select md5(g::text) from generate_series(1, 3000) g;";

/// Ends sessions of the database other than the one that asks.
const END: &str = "select pg_terminate_backend(pid) from (select * from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'";

/// Those that have locked the tables and read nothing yet, among them the one that begins with the largest.
const WORKERS: &str = "and query like 'set local lock_timeout%'";

/// The first session holds the lock, the second is the coordinator's.
const COORDINATOR: &str = "order by backend_start offset 1 limit 1";

/// Backs up a database whose sessions are ended when the first table is read.
async fn backup_while(
    place: &Place,
    source: &Target,
    jobs: usize,
    whose: &str,
) -> (Result<backup::BackupReport, OpsError>, String) {
    let (target, sql) = (source.clone(), format!("{END} {whose}) as ended"));
    let when = When::starts("public.", move || aside(async move { execute(&target, &sql).await }));
    let mut options = place.backup_options(source);
    options.progress = when.clone();
    options.jobs = jobs;
    let result = backup::run(&place.store, options).await;
    let told = when.messages.lock().unwrap().join("\n");
    (result, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_lose_their_connections_repeat_their_pieces() {
    let place = Place::new();
    let source = unisys_testkit::database_with(SOURCE).await;
    for jobs in [1, 3] {
        let (backup, told) = backup_while(&place, &source, jobs, WORKERS).await;
        assert!(told.contains("a worker lost its connection and begins its piece again"), "{jobs}: {told}");
        let record = place.prove(&backup.unwrap().manifest.id).await;
        assert_eq!(record.compared.rows, 12_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_session_that_holds_the_moment_there_is_no_backup() {
    let place = Place::new();
    let source = unisys_testkit::database_with(SOURCE).await;
    for whose in [COORDINATOR, ""] {
        let (backup, _) = backup_while(&place, &source, 3, whose).await;
        let error = backup.unwrap_err();
        assert!(matches!(error, OpsError::MomentLost), "{whose}: {}", text(&error));
        assert!(place.store.ids().unwrap().is_empty());
        place.assert_clean();
    }
    let backup = place.backup(&source).await;
    place.prove(&backup.manifest.id).await;
}

/// Makes a directory of programs whose pg_dump is a script of shell.
fn programs_with(directory: &Path, pg_dump: &str) -> Search {
    let bin = unisys_testkit::programs().bin().to_owned();
    for entry in std::fs::read_dir(&bin).unwrap().flatten() {
        if entry.file_name() != "pg_dump" {
            let _ = std::os::unix::fs::symlink(entry.path(), directory.join(entry.file_name()));
        }
    }
    let real = bin.join("pg_dump");
    let script = format!(
        "#!/bin/sh\nreal='{}'\nif [ \"$1\" = --version ]; then exec \"$real\" --version; fi\n{pg_dump}\n",
        real.display()
    );
    let path = directory.join("pg_dump");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    Search { directory: Some(directory.to_owned()), ..unisys_testkit::search() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pg_dump_that_dies_or_fails_leaves_no_backup() {
    let place = Place::new();
    let source = unisys_testkit::database_with(SOURCE).await;
    for (name, script, told) in [
        ("killed", "\"$real\" \"$@\" | head -c 20000; kill -9 $$", "signal: 9"),
        ("failed", "\"$real\" \"$@\" | head -c 20000; echo 'it is over' >&2; exit 1", "it is over"),
        ("refused", "exec \"$real\" --no-such-option", "unrecognized option"),
    ] {
        let mut options = place.backup_options(&source);
        options.search = programs_with(&place.directory(name), script);
        let error = backup::run(&place.store, options).await.unwrap_err();
        assert!(matches!(error, OpsError::Program { .. }), "{name}: {error:?}");
        assert!(
            text(&error).contains("pg_dump failed") && text(&error).contains(told),
            "{name}: {}",
            text(&error)
        );
        assert!(place.store.ids().unwrap().is_empty());
        place.assert_clean();
    }
    let backup = place.backup(&source).await;
    place.prove(&backup.manifest.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pg_dump_that_lies_about_its_end_makes_a_backup_that_is_never_proven() {
    let place = Place::new();
    let source = unisys_testkit::database_with(SOURCE).await;
    for (name, script) in [
        (
            "archive",
            "case \" $* \" in *' --schema-only '*) exec \"$real\" \"$@\";; esac; \"$real\" \"$@\" | head -c 60000; exit 0",
        ),
        (
            "schema",
            "case \" $* \" in *' --schema-only '*) \"$real\" \"$@\" | head -c 2500; exit 0;; esac; exec \"$real\" \"$@\"",
        ),
        ("nothing", "exit 0"),
    ] {
        let mut options = place.backup_options(&source);
        options.search = programs_with(&place.directory(name), script);
        let backup = backup::run(&place.store, options).await.unwrap();
        let record = place.drill(&backup.manifest.id).await.unwrap();
        assert_eq!(record.outcome, Outcome::Failed, "{name}");
        assert!(!record.differences.is_empty());
        place.assert_clean();
    }
}

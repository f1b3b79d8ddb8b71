//! Backups read from a real standby.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use unisys_db::migrate::{self, MigrationSet, UpOptions};
use unisys_db::roles::{self, ApplyOptions, Change, Policy};
use unisys_db::snapshot::SnapshotOptions;
use unisys_db::{Session, Target};
use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupOptions, Standby};
use unisys_ops::doctor::{self, Level};
use unisys_ops::server::{Scratch, Server};

use crate::support::{Place, When, aside, execute, text, value};

/// A primary with a standby that is stopped with the value.
struct Pair {
    standby: Server,
    primary: Scratch,
}

impl Pair {
    async fn start() -> Self {
        // a standby has what its primary made safe: a commit that is still on its way to disk is not there
        let settings = [
            ("wal_level", "replica"),
            ("max_wal_senders", "4"),
            ("hot_standby", "on"),
            ("synchronous_commit", "on"),
        ];
        let primary = unisys_testkit::own_server(unisys_testkit::free_port(), &settings).unwrap();
        let server = primary.server();
        let hba = server.data.join("pg_hba.conf");
        OpenOptions::new()
            .append(true)
            .open(hba)
            .unwrap()
            .write_all(b"local replication all trust\n")
            .unwrap();
        execute(&server.target("postgres"), "select pg_reload_conf()").await;
        execute(&server.target("postgres"), "create database app").await;
        let standby = Server {
            data: primary.directory().join("standby"),
            port: unisys_testkit::free_port(),
            ..server.clone()
        };
        let socket = server.socket.clone().unwrap();
        let mut copy = server.command("pg_basebackup");
        copy.arg("-h").arg(&socket).args(["-p", &server.port.to_string(), "-U", &server.superuser]);
        copy.arg("-D").arg(&standby.data).args(["-R", "-X", "stream", "--checkpoint=fast"]);
        let output = copy.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let conf = standby.data.join("postgresql.auto.conf");
        let lines = format!("port = {}\nmax_standby_streaming_delay = 0\n", standby.port);
        OpenOptions::new().append(true).open(conf).unwrap().write_all(lines.as_bytes()).unwrap();
        standby.start().unwrap();
        Self { standby, primary }
    }

    fn source(&self) -> Target {
        self.primary.server().target("app")
    }

    fn options(&self, place: &Place, max_replay_lag: Duration) -> BackupOptions {
        let standby = Standby { target: self.standby.target("app"), max_replay_lag };
        BackupOptions { standby: Some(standby), ..place.backup_options(&self.source()) }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // the primary's own directory, with the standby's in it, goes after this
        let _ = self.standby.stop();
    }
}

const TABLES: &str = "
    create table kept (id serial primary key, note text);
    insert into kept (note) select repeat('x', 200) from generate_series(1, 20000);
    create unlogged table scratchpad (id int);
    insert into scratchpad values (1), (2);
";

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_read_once_it_holds_what_its_primary_has() {
    let place = Place::new();
    let pair = Pair::start().await;
    execute(&pair.source(), TABLES).await;
    // held back on purpose: what was committed just now is not there yet
    execute(&pair.standby.target("app"), "select pg_wal_replay_pause()").await;
    execute(&pair.source(), "insert into kept (note) values ('last')").await;
    let behind =
        backup::run(&place.store, pair.options(&place, Duration::from_millis(600))).await.unwrap_err();
    assert!(
        matches!(behind, OpsError::Standby(_)) && text(&behind).contains("behind its primary"),
        "{behind}"
    );
    execute(&pair.standby.target("app"), "select pg_wal_replay_resume()").await;
    let before = chrono::Utc::now();
    let options = pair.options(&place, Duration::from_secs(60));
    let report = backup::run(&place.store, options).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    assert!(report.manifest.standby);
    assert!(report.manifest.moment >= before - chrono::TimeDelta::seconds(1));
    let rows = |name: &str| report.manifest.tables.iter().find(|table| table.name == name).unwrap().rows;
    assert_eq!((rows("kept"), rows("scratchpad")), (20001, 0));
    let record = place.prove(&report.manifest.id).await;
    assert!(
        record.not_compared.iter().any(|text| text.contains("the rows of public.scratchpad")),
        "{record:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_in_conflict_begins_the_backup_again() {
    let place = Place::new();
    let pair = Pair::start().await;
    execute(&pair.source(), TABLES).await;
    let (source, standby) = (pair.source(), pair.standby.target("app"));
    let progress = When::starts("globals.sql", move || {
        aside(async move {
            execute(&source, "delete from kept where id <= 10000").await;
            execute(&source, "vacuum kept").await;
            // the snapshot of the backup still needs those rows: replay ends its sessions
            let conflicts =
                "select sum(confl_snapshot + confl_lock + confl_bufferpin) from pg_stat_database_conflicts";
            for _ in 0..3000 {
                if value(&standby, conflicts).await != "0" {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            panic!("there was no conflict");
        });
    });
    let options = BackupOptions {
        progress: Arc::clone(&progress) as _,
        jobs: 1,
        snapshot: SnapshotOptions { attempts: 5, ..place.backup_options(&pair.source()).snapshot },
        ..pair.options(&place, Duration::from_secs(60))
    };
    let report = backup::run(&place.store, options).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    let messages = progress.messages.lock().unwrap().join("\n");
    assert!(messages.contains("the standby cancelled a statement"), "{messages}");
    assert_eq!(report.manifest.tables[0].rows, 10000);
    place.prove(&report.manifest.id).await;
    place.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_standby_of_the_database_is_refused() {
    let place = Place::new();
    let pair = Pair::start().await;
    let other = unisys_testkit::database().await;
    let standby = pair.standby.target("app");
    let lag = Duration::from_secs(5);
    for (url, dump_from, part) in [
        (pair.source(), pair.source(), "is no standby: it takes writes"),
        (other.clone(), standby.clone(), "it is of the cluster"),
        (pair.primary.server().target("postgres"), standby.clone(), "its database is app, not postgres"),
        (standby.clone(), standby.clone(), "is a standby itself"),
    ] {
        let options = BackupOptions {
            standby: Some(Standby { target: dump_from, max_replay_lag: lag }),
            ..place.backup_options(&url)
        };
        let error = text(&backup::run(&place.store, options).await.unwrap_err());
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_at_the_standby_that_is_read() {
    let pair = Pair::start().await;
    execute(&pair.source(), TABLES).await;
    let other = unisys_testkit::database().await;
    let standby = |target: Target, seconds| Standby { target, max_replay_lag: Duration::from_secs(seconds) };
    let look =
        async |primary: &Target, standby: &Standby| doctor::look_at_standby(primary, standby, |_| None).await;
    let copy = pair.standby.target("app");
    let found = look(&pair.source(), &standby(copy.clone(), 60)).await;
    assert_eq!(
        found.iter().map(|finding| finding.level).collect::<Vec<_>>(),
        [Level::Ok, Level::Warn],
        "{found:?}"
    );
    assert!(found[1].text.contains("after 0 s (max_standby_streaming_delay)"), "{found:?}");
    execute(&copy, "alter system set hot_standby_feedback = on").await;
    execute(&copy, "select pg_reload_conf()").await;
    let mut found = look(&pair.source(), &standby(copy.clone(), 60)).await;
    for _ in 0..100 {
        if found.iter().all(|finding| finding.level == Level::Ok) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        found = look(&pair.source(), &standby(copy.clone(), 60)).await;
    }
    assert!(found[1].text.contains("hot_standby_feedback is on"), "{found:?}");
    for (primary, dump_from, part) in [
        (pair.source(), pair.source(), "is no standby: it takes writes"),
        (other.clone(), copy.clone(), "it is of the cluster"),
        (pair.source(), copy.with_database("nothing"), "could not connect"),
    ] {
        let found = look(&primary, &standby(dump_from, 1)).await;
        assert_eq!(found.len(), 1);
        assert!(found[0].level == Level::Fail && found[0].text.contains(part), "{part}: {found:?}");
    }
    execute(&copy, "select pg_wal_replay_pause()").await;
    let found = look(&pair.source(), &standby(copy.clone(), 60)).await;
    assert!(found[0].level == Level::Fail && found[0].text.contains("replay is paused"), "{found:?}");
    execute(&copy, "select pg_wal_replay_resume()").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_that_waits_for_a_backup_is_told() {
    let place = Place::new();
    let pair = Pair::start().await;
    execute(&pair.source(), TABLES).await;
    let (source, standby) = (pair.source(), pair.standby.target("app"));
    execute(&standby, "alter system set max_standby_streaming_delay = -1").await;
    execute(&standby, "select pg_reload_conf()").await;
    let progress = When::starts_hearing("database.dump", move |messages| {
        aside(async move {
            execute(&source, "delete from kept where id <= 10000").await;
            execute(&source, "vacuum kept").await;
            let waiting = "select count(*) from pg_stat_activity where backend_type = 'startup' and wait_event like 'RecoveryConflict%'";
            let begun = std::time::Instant::now();
            while value(&standby, waiting).await == "0" {
                assert!(begun.elapsed() < Duration::from_secs(60), "replay does not wait");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            // the dump begins when that was seen
            while !messages.lock().unwrap().iter().any(|m| m.contains("replay on"))
                && begun.elapsed() < Duration::from_secs(90)
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    });
    let options = BackupOptions {
        progress: Arc::clone(&progress) as _,
        jobs: 1,
        ..pair.options(&place, Duration::from_secs(60))
    };
    let report = backup::run(&place.store, options).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    let messages = progress.messages.lock().unwrap().join("\n");
    assert!(messages.contains("replay on the standby waits"), "{messages}");
    assert!(messages.contains("falls behind until this backup is done"), "{messages}");
    assert_eq!(report.manifest.tables[0].rows, 20000);
    place.prove(&report.manifest.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_are_planned_and_compared_on_a_standby() {
    let pair = Pair::start().await;
    let set = MigrationSet::builtin().unwrap();
    let standby = Session::open(&pair.standby.target("app")).await.unwrap();
    assert_eq!(migrate::plan(&standby, &set).await.unwrap().pending.len(), set.len());
    migrate::up(&pair.source(), &set, &UpOptions::default(), &|_| {}).await.unwrap();
    let begun = std::time::Instant::now();
    while migrate::status(&standby, &set).await.unwrap().pending() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the standby never had it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(migrate::verify(&standby, &set, true).await.unwrap().is_sound());
    assert_eq!(migrate::plan(&standby, &set).await.unwrap().applied, set.len());
}

/// R29: a standby says what would be changed, and that nothing is changed there.
#[tokio::test(flavor = "multi_thread")]
async fn roles_are_planned_on_a_standby_and_changed_on_the_primary() {
    let pair = Pair::start().await;
    let policy = "version = 1\n[role.reader]\n[[grant]]\nto = \"reader\"\nprivileges = \"connect\"\non = \"database\"\n";
    let policy = Policy::parse(policy, "policy.toml").unwrap();
    let standby = pair.standby.target("app");
    let session = Session::open(&standby).await.unwrap();
    roles::begin_read_only(&session).await.unwrap();
    let planned = roles::difference(&policy, &roles::inspect(&session).await.unwrap()).changes;
    let options = ApplyOptions::default();
    let error = roles::apply(&standby, &policy, None, &options, &|_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "app is on a standby, which takes no changes");
    let applied = roles::apply(&pair.source(), &policy, None, &options, &|_| {}).await.unwrap();
    let statements = |changes: &[Change]| changes.iter().map(|change| change.sql.clone()).collect::<Vec<_>>();
    assert_eq!(statements(&applied.changes), statements(&planned));
}

//! Backups read from a real standby.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use unisys_db::Target;
use unisys_db::snapshot::SnapshotOptions;
use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupOptions, Standby};
use unisys_ops::server::{Scratch, Server};

use crate::support::{Place, When, aside, execute, text, value};

/// A primary with a standby that is stopped with the value.
struct Pair {
    standby: Server,
    primary: Scratch,
}

impl Pair {
    async fn start() -> Self {
        let settings: Vec<(&str, &str)> =
            [("wal_level", "replica"), ("max_wal_senders", "4"), ("hot_standby", "on")].into();
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

//! Long and lossy networks: a proxy between the backup and its server that delays, cuts, throttles and swallows.

use std::time::{Duration, Instant};

use unisys_db::Target;
use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupReport, Layout, ReplicationLag};
use unisys_ops::store::Store;
use unisys_testkit::Proxy;

use crate::support::{Place, When, execute, text};

const SOURCE: &str = "
create table one (id integer, filler text);
insert into one select g, (select string_agg(md5((g * i)::text), '') from generate_series(1, 30) i) from generate_series(1, 4000) g;
create table two (id integer, filler text);
insert into two select g, (select string_agg(md5((g + i)::text), '') from generate_series(1, 30) i) from generate_series(1, 3000) g;
create table small (id serial primary key, word text);
insert into small (word) select md5(g::text) from generate_series(1, 3000) g;";

/// How long a test waits for what must come, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(300);

/// Backs up through a proxy; returns also what a person was told.
async fn backup_through(
    place: &Place,
    proxy: &Proxy,
    change: impl FnOnce(&mut backup::BackupOptions),
) -> (Result<BackupReport, OpsError>, String) {
    let when = When::starts("nothing starts so", || {});
    let mut options = place.backup_options(&proxy.target());
    options.progress = when.clone();
    change(&mut options);
    let result = backup::run(&place.store, options).await;
    let told = when.messages.lock().unwrap().join("\n");
    (result, told)
}

async fn source() -> Target {
    unisys_testkit::database_with(SOURCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_and_pg_dump_whose_connections_are_cut_repeat_their_pieces() {
    let place = Place::new();
    let proxy = Proxy::before(&source().await);
    for layout in [Layout::Parallel, Layout::Single] {
        // more than the coordinator or the lock ever get, less than a table
        proxy.cut_after(1_000_000, 2);
        let before = proxy.cuts();
        let (backup, told) = backup_through(&place, &proxy, |options| options.layout = layout).await;
        assert_eq!(proxy.cuts() - before, 2, "{layout:?}: {told}");
        assert!(
            told.contains("a worker lost its connection and begins its piece again"),
            "{layout:?}: {told}"
        );
        let record = place.prove(&backup.unwrap().manifest.id).await;
        assert_eq!(record.compared.rows, 10_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_always_cut_ends_the_backup() {
    let place = Place::new();
    let proxy = Proxy::before(&source().await);
    proxy.cut_after(1_000_000, u32::MAX);
    let (backup, _) = backup_through(&place, &proxy, |_| {}).await;
    assert!(backup.is_err());
    place.assert_clean();
    proxy.cut_after(u64::MAX, 0);
    let (backup, _) = backup_through(&place, &proxy, |_| {}).await;
    place.prove(&backup.unwrap().manifest.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_with_long_ways_only_costs_time() {
    let place = Place::new();
    let proxy = Proxy::before(&source().await);
    proxy.delay(Duration::from_millis(15));
    proxy.throttle(4_000_000);
    let (backup, _) = backup_through(&place, &proxy, |_| {}).await;
    place.prove(&backup.unwrap().manifest.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything_is_noticed() {
    let place = Place::new();
    let proxy = std::sync::Arc::new(Proxy::before(&source().await));
    let hole = std::sync::Arc::clone(&proxy);
    let when = When::starts("public.one", move || hole.black_hole(true));
    let mut options = place.backup_options(&proxy.target());
    options.progress = when;
    options.limits.network_timeout = Duration::from_secs(3);
    let result = tokio::time::timeout(PATIENCE, backup::run(&place.store, options)).await;
    let error = result.expect("it does not hang").unwrap_err();
    assert!(matches!(error, OpsError::MomentLost), "{}", text(&error));
    place.assert_clean();
    proxy.black_hole(false);
    let (backup, _) = backup_through(&place, &proxy, |_| {}).await;
    place.prove(&backup.unwrap().manifest.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_connection_is_swallowed_repeats_its_piece_on_another() {
    let place = Place::new();
    let source = source().await;
    let proxy = Proxy::before(&source);
    // the server gets rid of what it sends, or is stuck with it
    for drains in [true, false] {
        // more than the coordinator or the lock ever get, less than a table
        proxy.swallow_after(1_000_000, 1, drains);
        let before = proxy.swallowed();
        let backup = backup_through(&place, &proxy, |options| {
            options.layout = Layout::Parallel;
            options.limits.network_timeout = Duration::from_secs(4);
        });
        let (backup, told) =
            tokio::time::timeout(Duration::from_secs(120), backup).await.expect("it does not hang");
        assert_eq!(proxy.swallowed() - before, 1, "drains: {drains}: {told}");
        assert!(told.contains("brought nothing for 4s"), "drains: {drains}: {told}");
        let record = place.prove(&backup.unwrap().manifest.id).await;
        assert_eq!(record.compared.rows, 10_000);
    }
    let left = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    for _ in 0..200 {
        if crate::support::value(&source, left).await == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server still works for a connection that was given up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_reads_slowly_or_waits_for_a_busy_server_is_not_taken_for_lost() {
    let place = Place::new();
    let sql = "create table one as select g as id, repeat(md5(g::text), 30) as filler from generate_series(1, 900) g;
        create table two as select g as id, repeat(md5(g::text), 30) as filler from generate_series(1, 900) g;";
    let source = unisys_testkit::database_with(sql).await;
    let when = When::starts("nothing starts so", || {});
    let mut options = place.backup_options(&source);
    options.progress = when.clone();
    // a batch is paid for longer than a server may be silent
    options.limits.bytes_per_second = Some(200_000);
    options.limits.network_timeout = Duration::from_secs(1);
    let backup = backup::run(&place.store, options).await.unwrap();
    assert_eq!(when.messages.lock().unwrap().join("\n"), "");
    place.prove(&backup.manifest.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_at_the_beginning_is_noticed_too() {
    let place = Place::new();
    let proxy = Proxy::before(&source().await);
    proxy.black_hole(true);
    let result = tokio::time::timeout(
        PATIENCE,
        backup_through(&place, &proxy, |options| {
            options.target.connect_timeout = None;
            options.limits.network_timeout = Duration::from_secs(2);
            options.limits.connect_wait = Duration::ZERO;
        }),
    );
    let (result, _) = result.await.expect("it does not hang");
    assert!(text(&result.unwrap_err()).contains("no answer within 2 s"));
    place.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_for_a_moment_is_tried_again() {
    let place = Place::new();
    let proxy = std::sync::Arc::new(Proxy::before(&source().await));
    proxy.refuse(true);
    let back = std::sync::Arc::clone(&proxy);
    tokio::spawn(async move {
        while back.refused() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        back.refuse(false);
    });
    let (backup, told) = backup_through(&place, &proxy, |_| {}).await;
    assert!(told.contains("could not connect") && told.contains("trying again in"), "{told}");
    place.prove(&backup.unwrap().manifest.id).await;

    proxy.refuse(true);
    let (refused, told) =
        backup_through(&place, &proxy, |options| options.limits.connect_wait = Duration::ZERO).await;
    assert!(refused.is_err() && told.is_empty(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_is_kept_by_all_sessions_together() {
    let place = Place::new();
    let source = source().await;
    let begun = Instant::now();
    let mut options = place.backup_options(&source);
    options.limits.bytes_per_second = Some(2_500_000);
    let backup = backup::run(&place.store, options).await.unwrap();
    // small tables cross the wire twice, the definitions once each
    let bytes: u64 = backup.manifest.tables.iter().map(|table| table.bytes).sum();
    let least = bytes as f64 / 2_500_000.0;
    let took = begun.elapsed().as_secs_f64();
    assert!(bytes > 6_000_000 && took >= least * 0.95, "{bytes} bytes in {took} s");
    place.prove(&backup.manifest.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_runs_or_holds_its_snapshot_too_long_stops_and_leaves_nothing() {
    let place = Place::new();
    let source = source().await;
    for (told, runtime, age) in
        [("the longest it may run", Some(2), None), ("the oldest it may get", None, Some(2))]
    {
        let mut options = place.backup_options(&source);
        options.limits.bytes_per_second = Some(200_000);
        options.limits.runtime = runtime.map(Duration::from_secs);
        options.limits.snapshot_age = age.map(Duration::from_secs);
        let error = backup::run(&place.store, options).await.unwrap_err();
        assert!(matches!(&error, OpsError::Limit(text) if text.contains(told)), "{}", text(&error));
        assert!(place.store.ids().unwrap().is_empty());
        place.assert_clean();
    }
    let sessions = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    let end = Instant::now() + PATIENCE;
    while crate::support::value(&source, sessions).await != "0" {
        assert!(Instant::now() < end, "sessions of the stopped backups are still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A primary and its standby, which has stopped to replay.
struct Pair {
    primary: unisys_ops::server::Scratch,
    standby: unisys_ops::server::Server,
    _directory: tempfile::TempDir,
}

impl Pair {
    fn new() -> Self {
        let settings = [("wal_level", "replica"), ("max_wal_senders", "4")];
        let primary = unisys_testkit::own_server(unisys_testkit::free_port(), &settings).unwrap();
        let server = primary.server();
        let hba = server.data.join("pg_hba.conf");
        std::fs::write(&hba, "local all all trust\nlocal replication all trust\n").unwrap();
        let run = |command: &mut std::process::Command| {
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        run(server.command("pg_ctl").arg("-D").arg(&server.data).arg("reload"));
        let directory = tempfile::tempdir().unwrap();
        if let Some(user) = &server.user {
            unisys_ops::platform::give(directory.path(), user).unwrap();
        }
        let data = directory.path().join("data");
        let target = server.target("postgres").with_setting("x.y", "z");
        let mut base = server.command("pg_basebackup");
        base.envs(target.child_env()).args(["-R", "-c", "fast", "-X", "stream", "-D"]).arg(&data);
        run(&mut base);
        let standby = unisys_ops::server::Server {
            data: data.clone(),
            socket: Some(directory.path().to_owned()),
            port: unisys_testkit::free_port(),
            ..server.clone()
        };
        let own = format!(
            "\nport = {}\nunix_socket_directories = '{}'\n",
            standby.port,
            directory.path().display()
        );
        let configuration = data.join("postgresql.conf");
        let text = std::fs::read_to_string(&configuration).unwrap() + &own;
        std::fs::write(&configuration, text).unwrap();
        standby.start().unwrap();
        Self { primary, standby, _directory: directory }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = self.standby.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_falls_behind_stops_the_backup_and_a_standby_can_be_backed_up() {
    let pair = Pair::new();
    let (primary, standby) = (pair.primary.server().target("postgres"), pair.standby.target("postgres"));
    execute(&primary, SOURCE).await;
    let place = Place::new();
    // a standby that keeps up is no reason to stop, and serves as a source itself
    for source in [&primary, &standby] {
        let mut options = place.backup_options(source);
        options.limits.replication_lag = Some(ReplicationLag::Bytes(64 << 20));
        options.adopt = true;
        let backup = backup::run(&place.store, options).await.unwrap();
        place.prove(&backup.manifest.id).await;
    }
    execute(&standby, "select pg_wal_replay_pause()").await;
    execute(
        &primary,
        "create table more as select g, repeat(md5(g::text), 30) as filler from generate_series(1, 3000) g",
    )
    .await;
    let kept = place.store.ids().unwrap().len();
    for source in [&primary, &standby] {
        let mut options = place.backup_options(source);
        options.limits.replication_lag = Some(ReplicationLag::Bytes(1 << 20));
        options.limits.bytes_per_second = Some(100_000);
        let error = backup::run(&place.store, options).await.unwrap_err();
        assert!(
            matches!(&error, OpsError::Limit(text) if text.contains("behind, more than the 1048576 allowed")),
            "{}",
            text(&error)
        );
        place.assert_clean();
        assert_eq!(place.store.ids().unwrap().len(), kept);
    }
}

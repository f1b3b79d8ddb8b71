//! The database does not stand still while it is backed up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use unisys_db::Target;
use unisys_ops::OpsError;
use unisys_ops::backup;
use unisys_ops::drill::RestoredCopy;
use unisys_ops::store::Store;

use crate::support::{Place, When, aside, execute, session, text, value};

/// Runs `sql` again and again until told to stop; errors of a statement are the race's, not the test's.
struct Loop {
    stop: Arc<AtomicBool>,
    turns: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Loop {
    fn start(target: &Target, sql: &'static str, pause: Duration) -> Self {
        let (stop, turns) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let task = tokio::spawn({
            let (target, stop, turns) = (target.clone(), Arc::clone(&stop), Arc::clone(&turns));
            async move {
                let session = session(&target).await;
                while !stop.load(Ordering::Relaxed) {
                    if session.batch_execute(sql).await.is_ok() {
                        turns.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::time::sleep(pause).await;
                }
            }
        });
        Self { stop, turns, task }
    }

    async fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.turns.load(Ordering::Relaxed)
    }
}

/// Waits until somebody waits for a lock on a table.
async fn somebody_waits(target: &Target, table: &str) {
    let sql = format!(
        "select exists (select from pg_locks where not granted and relation = '{table}'::regclass and pid <> pg_backend_pid())"
    );
    for _ in 0..15000 {
        if value(target, &sql).await == "true" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nobody waits for {table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_emptied_and_filled_again_while_its_lock_is_waited_for_is_not_empty() {
    let place = Place::new();
    let source = unisys_testkit::database_with(
        "create table a (id integer); create table reloaded (id integer); create table z (id integer);
         insert into reloaded select g from generate_series(1, 100) g",
    )
    .await;
    let loader = session(&source).await;
    loader.batch_execute("begin; lock table reloaded in access exclusive mode").await.unwrap();
    let mut options = place.backup_options(&source);
    options.snapshot.lock_timeout = Duration::from_secs(20);
    let store = place.store.clone();
    let running = tokio::spawn(async move { backup::run(&store, options).await });
    somebody_waits(&source, "reloaded").await;
    loader
        .batch_execute(
            "truncate reloaded; insert into reloaded select g from generate_series(1, 70) g; commit",
        )
        .await
        .unwrap();
    let backup = running.await.unwrap().unwrap();
    let rows = backup.manifest.tables.iter().find(|table| table.name == "reloaded").unwrap().rows;
    assert_eq!(rows, 70);
    place.prove(&backup.manifest.id).await;
}

const BULK: &str = "
create table bulk (id integer primary key, filler text);
insert into bulk select g, repeat(md5(g::text), 30) from generate_series(1, 3000) g;
create table small (id integer); insert into small values (1);";

/// A thread that a callback started.
type Aside = Arc<Mutex<Option<std::thread::JoinHandle<()>>>>;

/// Starts `alter table` on a table the backup has locked already, at the first sign of work, and waits until it is queued.
fn queue_ddl(source: &Target) -> (Arc<When>, Aside) {
    let ddl = Aside::default();
    let (target, thread) = (source.clone(), Arc::clone(&ddl));
    let when = When::starts("database.dump", move || {
        let altered = target.clone();
        *thread.lock().unwrap() = Some(std::thread::spawn(move || {
            aside(
                async move { execute(&altered, "alter table bulk add column late integer default 7").await },
            );
        }));
        aside(async move { somebody_waits(&target, "bulk").await });
    });
    (when, ddl)
}

#[tokio::test(flavor = "multi_thread")]
async fn ddl_queued_behind_our_locks_gets_through_and_the_next_attempt_succeeds() {
    let place = Place::new();
    let source = unisys_testkit::database_with(BULK).await;
    let (when, ddl) = queue_ddl(&source);
    let mut options = place.backup_options(&source);
    options.progress = when.clone();
    let backup = backup::run(&place.store, options).await.unwrap();
    ddl.lock().unwrap().take().unwrap().join().unwrap();
    let told = when.messages.lock().unwrap().join("\n");
    assert!(told.contains("attempt 1 of 4"), "{told}");
    let copy =
        RestoredCopy::restore(&place.store, &backup.manifest.id, &place.drill_options()).await.unwrap();
    assert_eq!(copy.compare().await.unwrap().differences, Vec::<String>::new());
    assert_eq!(value(&copy.target(), "select sum(late) from bulk").await, "21000", "made after the DDL");
}

#[tokio::test(flavor = "multi_thread")]
async fn ddl_queued_in_the_last_attempt_is_let_through_and_named() {
    let place = Place::new();
    let source = unisys_testkit::database_with(BULK).await;
    let (when, ddl) = queue_ddl(&source);
    let mut options = place.backup_options(&source);
    (options.progress, options.snapshot.attempts) = (when, 1);
    let error = text(&backup::run(&place.store, options).await.unwrap_err());
    ddl.lock().unwrap().take().unwrap().join().unwrap();
    assert!(error.contains("lock the tables") && error.contains("55P03"), "{error}");
    place.assert_clean();
    assert!(place.store.ids().unwrap().is_empty());
    let backup = place.backup(&source).await;
    place.prove(&backup.manifest.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_stays_locked_is_waited_for_as_long_as_allowed_and_no_longer() {
    let place = Place::new();
    let source = unisys_testkit::database_with(BULK).await;
    let holder = session(&source).await;
    holder.batch_execute("begin; lock table bulk in access exclusive mode").await.unwrap();
    let mut options = place.backup_options(&source);
    (options.snapshot.lock_timeout, options.snapshot.attempts) = (Duration::from_millis(200), 2);
    let error = backup::run(&place.store, options).await.unwrap_err();
    assert!(
        text(&error).contains("could not lock all tables at one moment in 2 attempts"),
        "{}",
        text(&error)
    );
    assert!(matches!(error, OpsError::Snapshot(_)) && !error.blames_the_backup());
    place.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_sequences_and_new_tables_during_the_backup_do_not_reach_the_copy() {
    let place = Place::new();
    let source = unisys_testkit::database_with(
        "create table cut (id bigserial primary key, filler text);
         alter table cut alter filler set storage plain;
         insert into cut (filler) select repeat(md5(g::text), 60) from generate_series(1, 20000) g;
         create table busy (id serial primary key, n integer not null default 0);
         insert into busy (n) select 0 from generate_series(1, 300);
         create table pair_a (total integer); create table pair_b (total integer);
         insert into pair_a values (50); insert into pair_b values (50);
         create sequence fast; analyze",
    )
    .await;
    let pause = Duration::from_millis(1);
    let writers = [
        Loop::start(&source, "insert into cut (filler) values (repeat('new', 500))", pause),
        Loop::start(
            &source,
            "update cut set filler = filler || 'x' where id = (random() * 20000)::int",
            pause,
        ),
        Loop::start(&source, "delete from cut where id = (random() * 20000)::int", pause),
        Loop::start(&source, "update busy set n = n + 1 where id % 7 = (random() * 7)::int", pause),
        Loop::start(
            &source,
            "begin; update pair_a set total = total - 1; update pair_b set total = total + 1; commit",
            pause,
        ),
        Loop::start(&source, "select nextval('fast') from generate_series(1, 20)", pause),
        Loop::start(
            &source,
            "create table passing (id serial, n int); insert into passing (n) values (1); drop table passing",
            Duration::from_millis(700),
        ),
    ];
    let mut options = place.backup_options(&source);
    options.snapshot.attempts = 10;
    let backup = backup::run(&place.store, options).await.unwrap();
    for writer in writers {
        assert!(writer.end().await > 0, "a writer did nothing");
    }
    let cut = backup.manifest.tables.iter().find(|table| table.name == "cut").unwrap();
    assert!(cut.files.len() > 1, "{cut:?}");
    let copy =
        RestoredCopy::restore(&place.store, &backup.manifest.id, &place.drill_options()).await.unwrap();
    assert_eq!(copy.compare().await.unwrap().differences, Vec::<String>::new());
    let both = "(select total from pair_a) + (select total from pair_b)";
    assert_eq!(value(&copy.target(), both).await, "100", "one moment in all tables");
    let sum = "select count(*) || ' ' || md5(string_agg(id || filler, '' order by id)) from cut";
    assert_ne!(value(&copy.target(), sum).await, value(&source, sum).await, "the live data went on");
    let last = "select last_value from fast";
    assert!(
        value(&copy.target(), last).await.parse::<i64>().unwrap()
            <= value(&source, last).await.parse().unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_refer_to_each_other_come_back_with_eight_jobs() {
    let place = Place::new();
    let mut sql = String::new();
    for i in 0..6 {
        sql.push_str(&format!(
            "create table t{i} (id integer primary key, next integer, filler text);
             insert into t{i} select g, 2001 - g, repeat(md5(g::text), 20) from generate_series(1, 2000) g;"
        ));
    }
    for i in 0..6 {
        for j in 0..6 {
            sql.push_str(&format!(
                "alter table t{i} add constraint r{i}{j} foreign key (next) references t{j};"
            ));
        }
    }
    let source = unisys_testkit::database_with(&sql).await;
    let backup = place.backup(&source).await;
    let mut options = place.drill_options();
    options.jobs = 8;
    let record = unisys_ops::drill::run(&place.store, &backup.manifest.id, &options).await.unwrap();
    assert_eq!(record.differences, Vec::<String>::new());
    assert_eq!((record.jobs, record.compared.rows), (8, 12000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_64_megabytes_and_many_small_ones_come_back() {
    let place = Place::new();
    let source = unisys_testkit::database_with(
        "create table wide (id integer, text text); alter table wide alter text set storage external;
         insert into wide select 1, repeat(E'\\\\\\t0123456789abc\\n', 4 << 20);
         create table long (id integer, filler text); alter table long alter filler set storage external;
         insert into long select g, repeat('x', 5000) from generate_series(1, 10000) g",
    )
    .await;
    assert_eq!(value(&source, "select octet_length(text) from wide").await, (64 << 20).to_string());
    let backup = place.backup(&source).await;
    let bytes: u64 = backup.manifest.tables.iter().map(|table| table.bytes).sum();
    assert!(bytes > 114 << 20, "{bytes}");
    place.prove(&backup.manifest.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_being_built_anew_is_not_waited_for() {
    let place = Place::new();
    let source = unisys_testkit::database_with(BULK).await;
    let builder = session(&source).await;
    builder.batch_execute("begin; reindex index bulk_pkey").await.unwrap();
    let running = backup::run(&place.store, place.backup_options(&source));
    let backup =
        tokio::time::timeout(Duration::from_secs(30), running).await.expect("nothing waits").unwrap();
    builder.batch_execute("commit").await.unwrap();
    place.prove(&backup.manifest.id).await;
}

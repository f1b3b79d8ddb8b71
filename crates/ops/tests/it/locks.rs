//! One run per database at a time, whichever host and store it is made from and for.

use std::sync::{Arc, Mutex};

use unisys_db::Target;
use unisys_db::run_lock::RunLockError;
use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupReport};

use crate::support::{Place, When, aside, execute, session, text, value};

const SOURCE: &str = "create table t (id integer, filler text);
    insert into t select g, repeat(md5(g::text), 30) from generate_series(1, 3000) g";

const HOLDERS: &str = "select coalesce(string_agg(pid::text, ' '), '') from pg_locks
    where locktype = 'advisory' and classid = 1970170227 and objid = 2
    and database = (select oid from pg_database where datname = current_database())";

/// How a run ended, once it has.
type Ended = Arc<Mutex<Option<Result<BackupReport, OpsError>>>>;

/// Runs a backup from another place, in the midst of one.
fn meanwhile(target: &Target) -> (Arc<When>, Ended) {
    let result = Arc::new(Mutex::new(None));
    let (target, kept) = (target.clone(), Arc::clone(&result));
    let when = When::starts("public.t", move || {
        aside(async move {
            let other = Place::new();
            let second = backup::run(&other.store, other.backup_options(&target)).await;
            other.assert_clean();
            *kept.lock().unwrap() = Some(second);
        });
    });
    (when, result)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_at_once_and_the_second_is_told_who_is_there() {
    let source = unisys_testkit::database_with(SOURCE).await;
    let place = Place::new();
    let (when, second) = meanwhile(&source);
    let mut options = place.backup_options(&source);
    options.progress = when;
    let first = backup::run(&place.store, options).await.unwrap();
    place.prove(&first.manifest.id).await;
    let error = second.lock().unwrap().take().unwrap().unwrap_err();
    let OpsError::RunLock(RunLockError::Held { database, holder }) = &error else { panic!("{error:?}") };
    assert_eq!(*database, source.database);
    assert!(holder.pid > 0 && holder.application.as_deref() == Some("unisys-dba"), "{holder:?}");
    assert!(text(&error).contains("another run backs up"), "{}", text(&error));
    // and both are gone now
    assert_eq!(value(&source, HOLDERS).await, "");
    place.backup(&source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_lasts_until_what_follows_the_backup_is_done() {
    let source = unisys_testkit::database_with(SOURCE).await;
    let (place, other) = (Place::new(), Place::new());
    let options = place.backup_options(&source);
    let (_, locks) = backup::run_and_keep_lock(&place.store, options).await.unwrap();
    let refused = backup::run(&other.store, other.backup_options(&source)).await;
    assert!(matches!(refused, Err(OpsError::RunLock(_))), "{refused:?}");
    // another database of the same server is nobody's business
    let neighbour = unisys_testkit::database_with(SOURCE).await;
    other.backup(&neighbour).await;
    locks.release().await;
    other.backup(&source).await;
}

/// Ends the session that holds the lock, in the midst of a backup; then, perhaps, takes it.
async fn backup_that_loses_its_lock(
    place: &Place,
    source: &Target,
    stolen: bool,
) -> Result<BackupReport, OpsError> {
    let target = source.clone();
    // dropped when the backup has ended: until then the thief keeps what was stolen
    let (_over, is_over) = tokio::sync::oneshot::channel::<()>();
    let when = When::starts("public.t", move || {
        let (gone, ended) = std::sync::mpsc::channel();
        let theft = async move {
            let thief = session(&target).await;
            let holder = value(&target, HOLDERS).await;
            execute(&target, &format!("select pg_terminate_backend({holder}, 5000)")).await;
            if stolen {
                let row = thief.query_one("select pg_try_advisory_lock(1970170227, 2)", &[]).await.unwrap();
                assert!(row.get::<_, bool>(0));
            }
            gone.send(()).unwrap();
            let _ = is_over.await;
        };
        std::thread::spawn(move || aside(theft));
        ended.recv().unwrap();
    });
    let mut options = place.backup_options(source);
    options.progress = when;
    // slow enough for a look at the lock
    options.limits.bytes_per_second = Some(600_000);
    backup::run(&place.store, options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_whose_session_is_lost_is_taken_again_unless_somebody_else_has_it() {
    let source = unisys_testkit::database_with(SOURCE).await;
    let place = Place::new();
    let backup = backup_that_loses_its_lock(&place, &source, false).await.unwrap();
    place.prove(&backup.manifest.id).await;
    let stolen = backup_that_loses_its_lock(&place, &source, true).await;
    assert!(matches!(stolen, Err(OpsError::RunLock(_))), "{stolen:?}");
    place.assert_clean();
}

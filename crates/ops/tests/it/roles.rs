//! Roles that come and go while they are dumped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Place, execute};

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_come_and_go_do_not_make_a_drill_fail() {
    let place = Place::new();
    let source = unisys_testkit::database_with(
        "create role roles_stays; create table kept (id integer); insert into kept values (1);
         alter table kept owner to roles_stays",
    )
    .await;
    let stop = Arc::new(AtomicBool::new(false));
    let churn = tokio::spawn({
        let (source, stop) = (source.clone(), Arc::clone(&stop));
        async move {
            let mut turns = 0;
            while !stop.load(Ordering::Relaxed) {
                execute(
                    &source,
                    "create role roles_comes login password 'x'; grant roles_stays to roles_comes",
                )
                .await;
                tokio::time::sleep(std::time::Duration::from_millis(60)).await;
                execute(
                    &source,
                    "alter role roles_comes set work_mem = '1MB'; comment on role roles_comes is 'here'",
                )
                .await;
                tokio::time::sleep(std::time::Duration::from_millis(60)).await;
                execute(&source, "drop role roles_comes").await;
                tokio::time::sleep(std::time::Duration::from_millis(400)).await;
                turns += 1;
            }
            turns
        }
    });
    let mut backups = Vec::new();
    for _ in 0..4 {
        backups.push(place.backup(&source).await);
    }
    stop.store(true, Ordering::Relaxed);
    assert!(churn.await.unwrap() > 0);
    for backup in &backups {
        place.prove(&backup.manifest.id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_made_after_the_moment_is_in_the_backup_with_the_roles() {
    let place = Place::new();
    let source = unisys_testkit::database_with("create table kept (id integer)").await;
    let mut options = place.backup_options(&source);
    options.jobs = 1;
    // made while the roles are about to be dumped: the snapshot does not know it, pg_dumpall does
    let target = source.clone();
    options.progress = crate::support::When::starts("globals.sql", move || {
        crate::support::aside(async move { execute(&target, "create role roles_late").await });
    });
    let backup = unisys_ops::backup::run(&place.store, options).await.unwrap();
    place.prove(&backup.manifest.id).await;
}

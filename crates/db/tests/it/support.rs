//! Short ways to servers and their answers.

use unisys_db::migrate::{MigrationSet, UpOptions, up};
use unisys_db::{Session, Target, quote_ident};
use unisys_ops::server::Scratch;
use unisys_testkit::{SHARED_SETTINGS, database, free_port};

/// Starts a server of its own, for a test of what all databases of a server share: roles and tablespaces.
pub(crate) fn own_server() -> Scratch {
    unisys_testkit::own_server(free_port(), SHARED_SETTINGS).unwrap()
}

/// Makes a database on a test's own server.
pub(crate) async fn database_on(server: &Scratch, name: &str) -> Target {
    let postgres = server.server().target("postgres");
    let create = format!("create database {}", quote_ident(name));
    session(&postgres).await.batch_execute(&create).await.unwrap();
    postgres.with_database(name)
}

/// Makes a database with the whole schema and no rows but those that come with it.
pub(crate) async fn migrated() -> Target {
    let target = database().await;
    up(&target, &MigrationSet::builtin().unwrap(), &UpOptions::default(), &|_| {}).await.unwrap();
    target
}

pub(crate) async fn session(target: &Target) -> Session {
    Session::open(target).await.unwrap()
}

/// Returns the first column of a query's rows.
pub(crate) async fn strings(session: &Session, query: &str) -> Vec<String> {
    session.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Waits until a query's first value is true.
pub(crate) async fn until(session: &Session, condition: &str) {
    let begun = std::time::Instant::now();
    while !session.query_one(condition, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "in vain: {condition}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

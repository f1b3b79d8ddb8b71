//! Short ways to servers and their answers.

use unisys_db::migrate::{MigrationSet, UpOptions, up};
use unisys_db::{Session, Target, quote_ident};
use unisys_ops::server::Scratch;
use unisys_testkit::{SHARED_SETTINGS, database, free_port};

/// What the policy will grant, in this database alone.
pub(crate) const GRANTS: &str = "
    grant usage on schema app to app_user, d_engineer, qa_engineer, qa_owner;
    grant select, insert, update on all tables in schema app to app_user;
    grant execute on all functions in schema app to app_user;
    grant select on all tables in schema app to analysis_owner, d_engineer, qa_engineer, qa_owner;
    grant usage on schema qa to qa_engineer;
    grant select, insert, update, delete on qa.rules to qa_engineer;
    grant execute on function qa.run_rule(text, integer) to qa_engineer;
    grant usage on schema etl to app_owner, d_engineer;
    grant select on all tables in schema etl to app_owner, d_engineer;
    grant update on etl.load_runs to app_owner;
    grant insert, delete on etl.rejected_rows to app_owner;
    grant insert, update, delete on all tables in schema etl to d_engineer;
    grant execute on function app.check_load(uuid), app.merge_load(uuid, boolean) to d_engineer;";

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

//! What is known before anything is applied.

use unisys_db::Session;
use unisys_db::migrate::{LockMode, MigrateError, plan, up};
use unisys_testkit::database;

use super::{ALTER, FIRST, TABLE, migrate, quick, set};
use crate::support::{database_on, own_server, session, strings};

#[tokio::test]
async fn a_plan_needs_no_more_than_reading_and_waits_for_nobody() {
    let target = database().await;
    migrate(&target, &[FIRST, TABLE]).await.unwrap();
    let owner = session(&target).await;
    let watcher = format!("{}_planner", target.database);
    let make = format!(
        "create role {watcher} login; grant usage on schema ops to {watcher};
         grant select on ops.schema_history to {watcher}; alter role {watcher} set default_transaction_read_only = on;
         analyze app.t"
    );
    owner.batch_execute(&make).await.unwrap();
    owner.batch_execute("begin; lock table app.t in access exclusive mode").await.unwrap();
    let watcher = Session::open(&target.with_user(watcher)).await.unwrap();
    let index = ("V0004__index.sql", "-- unisys:owner app_owner\ncreate index i on app.t (x);\n");
    let made = ("V0005__made.sql", "-- unisys:owner app_owner\ncreate table app.u (id int primary key);\n");
    let later = ("V0006__later.sql", "-- unisys:owner app_owner\nalter table app.u add y int;\n");
    let files = set(&[FIRST, TABLE, ALTER, index, made, later]);
    let report = plan(&watcher, &files).await.unwrap();
    assert_eq!((report.applied, report.pending.len()), (2, 4));
    let lock = &report.pending[0].locks[0];
    assert_eq!((lock.relation.as_str(), lock.mode, lock.line), ("app.t", LockMode::AccessExclusive, 2));
    assert_eq!(
        (lock.rows, lock.bytes),
        (Some(1000), None),
        "its size is not asked for while somebody has it"
    );
    assert_eq!(report.pending[1].findings[0].rule, "require-concurrent-index-creation");
    assert_eq!(report.pending[1].findings[0].rows, Some(1000));
    assert_eq!(report.pending[3].locks, [], "nobody waits for what an earlier file makes");
    owner.batch_execute("rollback").await.unwrap();
    let again = plan(&watcher, &files).await.unwrap();
    assert!(again.pending[0].locks[0].bytes.is_some_and(|bytes| bytes >= 8192));
    assert_eq!(strings(&owner, "select name::text from ops.schema_history").await, ["first", "table"]);
}

#[tokio::test]
async fn a_plan_tells_who_may_use_what_is_new() {
    let server = own_server();
    let target = database_on(&server, "shop").await;
    let session = session(&target).await;
    session
        .batch_execute(
            "create role shop_owner; create role reader; create role auditor; create schema shop authorization shop_owner;
             alter default privileges for role shop_owner grant select on tables to auditor;
             alter default privileges for role shop_owner in schema shop grant select, insert on tables to reader;
             alter default privileges for role shop_owner revoke execute on functions from public;",
        )
        .await
        .unwrap();
    let files = set(&[(
        "V0001__new.sql",
        "-- unisys:owner shop_owner\ncreate table shop.t (id int);\ncreate function shop.f() returns int language sql as 'select 1';
create type shop.e as enum ('a');\n",
    )]);
    let report = plan(&session, &files).await.unwrap();
    let said: Vec<String> = report.pending[0]
        .creates
        .iter()
        .map(|c| {
            let others = c.privileges.iter().map(|p| format!("{} {}", p.grantee, p.privileges));
            format!("{} {} {}: {}", c.kind, c.name, c.owner, others.collect::<Vec<_>>().join("; "))
        })
        .collect();
    let expected = [
        "table shop.t shop_owner: auditor SELECT; reader INSERT, SELECT",
        "function shop.f shop_owner: ",
        "type shop.e shop_owner: PUBLIC USAGE",
    ];
    assert_eq!(said, expected);
    // and so it comes
    up(&target, &files, &quick(), &|_| {}).await.unwrap();
    let acl = "select relacl::text from pg_class where oid = 'shop.t'::regclass";
    let acl = strings(&session, acl).await.concat();
    assert!(acl.contains("auditor=r/") && acl.contains("reader=ar/"), "{acl}");
}

#[tokio::test]
async fn a_broken_rule_stops_everything_before_anything() {
    let target = database().await;
    let grant =
        ("V0002__grant.sql", "-- unisys:owner app_owner\ngrant usage on schema app to public;\ncommit;\n");
    let error = migrate(&target, &[FIRST, grant]).await.unwrap_err();
    let MigrateError::Rules(broken) = &error else { panic!("{error:?}") };
    assert_eq!(broken.iter().map(|b| b.line).collect::<Vec<_>>(), [2, 3]);
    let expected =
        "V0002__grant.sql, line 2: GRANT belongs to the privilege policy, not to a migration; and 1 more";
    assert_eq!(error.to_string(), expected);
    let session = session(&target).await;
    let ops = "select nspname::text from pg_namespace where nspname in ('ops', 'app')";
    assert_eq!(strings(&session, ops).await, [""; 0]);
    assert_eq!(plan(&session, &set(&[FIRST, grant])).await.unwrap().pending[1].broken, *broken);
}

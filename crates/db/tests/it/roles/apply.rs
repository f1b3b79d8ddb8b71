//! `roles apply` on a live server: all of it or nothing, once, by several at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use unisys_db::roles::{Applied, ApplyEvent, ApplyOptions, RolesError, SavedPlan, apply, records};
use unisys_db::{Session, Target, quote_ident};
use unisys_testkit::{Proxy, SHARED_SETTINGS, database, free_port};

use super::shop::{POLICY, SHOP, make, options, plan, policy, reach};
use crate::support::{database_on, own_server, session, strings, until};

/// Where the catalogs keep what a policy is about, row by row: a row that is written anew has another xmin.
fn rows(prefix: &str) -> String {
    format!(
        "with r as (select oid from pg_roles where rolname like '{prefix}%')
        select 'class ' || oid || ' ' || xmin from pg_class
        union all select 'column ' || attrelid || ' ' || attnum || ' ' || xmin from pg_attribute where attacl is not null
        union all select 'schema ' || oid || ' ' || xmin from pg_namespace
        union all select 'routine ' || oid || ' ' || xmin from pg_proc
        union all select 'type ' || oid || ' ' || xmin from pg_type
        union all select 'default ' || oid || ' ' || xmin from pg_default_acl
        union all select 'database ' || oid || ' ' || xmin from pg_database where datname = current_database()
        union all select 'role ' || oid || ' ' || xmin from pg_authid where oid in (select oid from r)
        union all select 'member ' || roleid || ' ' || member || ' ' || xmin from pg_auth_members
            where roleid in (select oid from r) or member in (select oid from r)
        union all select 'setting ' || setrole || ' ' || setdatabase || ' ' || xmin from pg_db_role_setting
            where setrole in (select oid from r)
        union all select 'record ' || id || ' ' || xmin from ops.role_changes
        order by 1"
    )
}

/// R1
#[tokio::test]
async fn a_second_run_says_nothing_and_rewrites_no_row() {
    let target = database().await;
    let prefix = make(&target).await;
    let policy = policy(&prefix, "");
    let first = reach(&target, &policy).await.unwrap();
    assert!(first.changes.len() > 10, "{:?}", first.changes);
    let session = session(&target).await;
    let before = strings(&session, &rows(&prefix)).await;
    for kind in ["class", "schema", "default", "role", "member", "setting", "record"] {
        assert!(before.iter().any(|row| row.starts_with(kind)), "{kind} is watched");
    }
    let second = reach(&target, &policy).await.unwrap();
    assert_eq!(second, Applied { attempts: 1, ..Applied::default() });
    assert_eq!(strings(&session, &rows(&prefix)).await, before);
}

#[tokio::test]
async fn what_the_policy_says_is_what_the_roles_can_do() {
    let target = database().await;
    let prefix = make(&target).await;
    reach(&target, &policy(&prefix, "")).await.unwrap();
    let writer = session(&target.with_user(format!("{prefix}_writer"))).await;
    writer.batch_execute("select * from items; update items set price = 1 where id = 1").await.unwrap();
    for forbidden in ["delete from items", "create table shop.mine ()", "truncate items", "drop view cheap"] {
        let error = writer.batch_execute(forbidden).await.unwrap_err();
        assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{forbidden}");
    }
    // what comes later has the same
    let owner = format!("set role {}", quote_ident(&format!("{prefix}_owner")));
    let session = session(&target).await;
    session.batch_execute(&format!("{owner}; create table shop.later (id int)")).await.unwrap();
    writer.batch_execute("select * from later; insert into later values (1)").await.unwrap();
    assert!(reach(&target, &policy(&prefix, "")).await.unwrap().changes.is_empty());
}

/// R2
#[tokio::test(flavor = "multi_thread")]
async fn eight_at_once_on_one_database_all_succeed_and_one_works() {
    let target = database().await;
    let prefix = make(&target).await;
    let runs: Vec<_> = (0..8)
        .map(|_| {
            let (target, policy) = (target.clone(), policy(&prefix, ""));
            tokio::spawn(async move { reach(&target, &policy).await.unwrap() })
        })
        .collect();
    let mut busy = 0;
    for run in runs {
        busy += usize::from(!run.await.unwrap().changes.is_empty());
    }
    assert_eq!(busy, 1);
}

/// R2: no lock of one database keeps another one's runs away, but the catalogs' rows do.
#[tokio::test(flavor = "multi_thread")]
async fn four_at_once_on_four_databases_of_a_server_all_succeed() {
    let server = own_server();
    let mut targets = vec![];
    for i in 0..4 {
        let target = database_on(&server, &format!("shop{i}")).await;
        make(&target).await;
        targets.push(target);
    }
    // first all make the roles, then all change the same ones
    for round in ["", "[role.P_more]\nmember_of = [\"P_reader\"]\n"] {
        let runs: Vec<_> = targets
            .iter()
            .map(|target| {
                let (target, policy) = (target.clone(), policy("one", round));
                tokio::spawn(async move { reach(&target, &policy).await })
            })
            .collect();
        for run in runs {
            run.await.unwrap().unwrap();
        }
        for target in &targets {
            assert!(reach(target, &policy("one", round)).await.unwrap().changes.is_empty());
        }
    }
}

/// R30
#[tokio::test]
async fn a_plan_is_refused_where_and_when_it_was_not_made() {
    let server = own_server();
    let target = database_on(&server, "shop").await;
    make(&target).await;
    let policy = policy("p", "");
    let saved = plan(&target, &policy).await;
    let text = serde_json::to_string(&saved).unwrap();
    let saved: SavedPlan = serde_json::from_str(&text).unwrap();
    let try_it = async |target: &Target, policy| match apply(
        target,
        policy,
        Some(&saved),
        &options(),
        &|_| {},
    )
    .await
    {
        Err(RolesError::Stale(differs)) => differs,
        other => panic!("{other:?}"),
    };
    let elsewhere = database().await;
    let other_cluster = try_it(&elsewhere.with_database("postgres"), &policy).await;
    assert!(other_cluster[0].starts_with("it was made on cluster "), "{other_cluster:?}");
    let other_database = database_on(&server, "other").await;
    assert_eq!(try_it(&other_database, &policy).await, ["it was made for database shop, and this is other"]);
    let edited = super::shop::policy("p", "# a word more\n");
    assert_eq!(try_it(&target, &edited).await, ["the policy was changed since"]);
    let session = session(&target).await;
    session.batch_execute("create table shop.new (id int)").await.unwrap();
    let differs = try_it(&target, &policy).await;
    assert_eq!(differs[0], "schema shop: changed since the plan was made");
    assert!(differs.iter().any(|line| line.starts_with("not in the plan: ")), "{differs:?}");
    assert_eq!(
        strings(&session, "select rolname::text from pg_roles where rolname like 'p\\_%'").await,
        [""; 0]
    );
    session.batch_execute("drop table shop.new").await.unwrap();
    let applied = apply(&target, &policy, Some(&saved), &options(), &|_| {}).await.unwrap();
    assert!(!applied.changes.is_empty());
}

#[tokio::test]
async fn an_assertion_that_would_not_hold_rolls_everything_back() {
    let target = database().await;
    let prefix = make(&target).await;
    let assertion = "[[assert]]\nrole = \"P_writer\"\ncannot = \"select\"\non = \"table shop.items\"\n";
    let error = reach(&target, &policy(&prefix, assertion)).await.unwrap_err();
    let RolesError::Assertion(broken) = &error else { panic!("{error:?}") };
    assert!(
        broken[0].starts_with(&format!("{prefix}_writer can select from table shop.items: ")),
        "{broken:?}"
    );
    let session = session(&target).await;
    let roles = format!("select rolname::text from pg_roles where rolname like '{prefix}%'");
    assert_eq!(strings(&session, &roles).await, [""; 0]);
    // where nothing is left to do, it is asked as well
    reach(&target, &policy(&prefix, "")).await.unwrap();
    let error = reach(&target, &policy(&prefix, assertion)).await.unwrap_err();
    assert!(matches!(error, RolesError::Assertion(_)), "{error:?}");
}

/// What stands in the way of a statement in the middle: a role that somebody else is changing.
async fn block(target: &Target, prefix: &str) -> Session {
    let blocker = session(target).await;
    let role = quote_ident(&format!("{prefix}_writer"));
    blocker.batch_execute(&format!("create role {role} login")).await.unwrap();
    blocker.batch_execute(&format!("begin; alter role {role} connection limit 3")).await.unwrap();
    blocker
}

const WAITING: &str = "select exists (select from pg_stat_activity where datname = current_database()
    and state = 'active' and wait_event_type = 'Lock' and query ~ 'alter role')";

/// R31
#[tokio::test(flavor = "multi_thread")]
async fn a_session_killed_in_the_middle_leaves_nothing() {
    let target = database().await;
    let prefix = make(&target).await;
    let blocker = block(&target, &prefix).await;
    let patient = ApplyOptions { lock_timeout: std::time::Duration::from_secs(600), ..options() };
    let (aim, wanted) = (target.clone(), policy(&prefix, ""));
    let run = tokio::spawn(async move { apply(&aim, &wanted, None, &patient, &|_| {}).await });
    let watcher = session(&target).await;
    until(&watcher, WAITING).await;
    let kill = "select pg_terminate_backend(pid)::text from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    assert_eq!(strings(&watcher, kill).await, ["true"]);
    let error = run.await.unwrap().unwrap_err();
    assert!(
        matches!(&error, RolesError::Statement { sql, .. } if sql.starts_with("alter role")),
        "{error:?}"
    );
    blocker.batch_execute("rollback").await.unwrap();
    let made = format!(
        "select rolname::text from pg_roles where rolname like '{prefix}%'
        union all select 'record' from pg_class where relname = 'role_changes'
        union all select 'owner' from pg_namespace where nspname = 'shop' and nspowner <> 'postgres'::regrole"
    );
    assert_eq!(strings(&watcher, &made).await, [format!("{prefix}_writer")], "only what was there before");
    assert!(!reach(&target, &policy(&prefix, "")).await.unwrap().changes.is_empty());
}

/// Somebody else holds a row for a while: nothing is left half done meanwhile, and it is tried again.
#[tokio::test(flavor = "multi_thread")]
async fn who_meets_somebody_else_waits_rolled_back_and_tries_again() {
    let target = database().await;
    let prefix = make(&target).await;
    let blocker = block(&target, &prefix).await;
    let brief = ApplyOptions { lock_timeout: std::time::Duration::from_millis(100), ..options() };
    let (aim, wanted) = (target.clone(), policy(&prefix, ""));
    let waited = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&waited);
    let run = tokio::spawn(async move {
        let tell = |event: &ApplyEvent<'_>| {
            if matches!(event, ApplyEvent::Waiting { .. }) {
                seen.store(true, Ordering::SeqCst);
            }
        };
        apply(&aim, &wanted, None, &brief, &tell).await
    });
    while !waited.load(Ordering::SeqCst) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    blocker.batch_execute("commit").await.unwrap();
    let applied = run.await.unwrap().unwrap();
    assert!(applied.attempts > 1);
    let statements: Vec<&str> = applied.changes.iter().map(|change| change.sql.as_str()).collect();
    assert!(
        !statements.iter().any(|sql| sql.starts_with("create role") && sql.contains("writer")),
        "{statements:?}"
    );
}

/// R32: what a role has by a group, it then has itself, and back: whoever reads all the time sees no gap.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_no_gap_when_a_grant_moves() {
    let target = database().await;
    let prefix = make(&target).await;
    let by_group = policy(&prefix, "");
    let text =
        POLICY.replace("member_of = [\"P_reader\"]", "").replace("to = \"P_reader\"", "to = \"P_writer\"");
    let direct =
        unisys_db::roles::Policy::parse(&text.replace("P_", &format!("{prefix}_")), "direct.toml").unwrap();
    reach(&target, &by_group).await.unwrap();
    let reader = session(&target.with_user(format!("{prefix}_writer"))).await;
    let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(std::sync::atomic::AtomicU32::new(0)));
    let (until, count) = (Arc::clone(&stop), Arc::clone(&rounds));
    let reading = tokio::spawn(async move {
        while !until.load(Ordering::SeqCst) {
            reader.query("select count(*) from shop.items", &[]).await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    for policy in [&direct, &by_group].repeat(3) {
        let before = rounds.load(Ordering::SeqCst);
        assert!(!reach(&target, policy).await.unwrap().changes.is_empty());
        while rounds.load(Ordering::SeqCst) <= before + 1 {
            assert!(!reading.is_finished(), "the reader was refused");
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    reading.await.unwrap();
}

/// R18: no superuser, but the owner of the database, who may create roles: as managed services have it.
#[tokio::test]
async fn an_owner_who_may_create_roles_needs_no_superuser() {
    let server = own_server();
    let postgres = session(&server.server().target("postgres")).await;
    postgres.batch_execute("create role master login createrole createdb").await.unwrap();
    postgres.batch_execute("create database shop owner master").await.unwrap();
    let target = server.server().target("shop").with_user("master");
    session(&target).await.batch_execute(SHOP).await.unwrap();
    let policy = policy("p", "");
    let first = reach(&target, &policy).await.unwrap();
    assert!(!first.changes.is_empty());
    assert!(reach(&target, &policy).await.unwrap().changes.is_empty());
    let writer = session(&target.with_user("p_writer")).await;
    writer.batch_execute("select * from items; update items set price = 2 where id = 1").await.unwrap();
    assert_eq!(records(&session(&target).await).await.unwrap()[0].login, "master");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_done_unless_asked_for() {
    let server = own_server();
    let postgres = session(&server.server().target("postgres")).await;
    postgres.batch_execute("create role master login createrole").await.unwrap();
    postgres.batch_execute("create database shop owner master").await.unwrap();
    let here = session(&server.server().target("shop")).await;
    here.batch_execute("create schema ops").await.unwrap();
    let target = server.server().target("shop").with_user("master");
    session(&target).await.batch_execute(SHOP).await.unwrap();
    let error = reach(&target, &policy("p", "")).await.unwrap_err();
    assert_eq!(error.to_string(), "could not make ops.role_changes, where changes of roles are recorded");
    assert_eq!(
        strings(&here, "select rolname::text from pg_roles where rolname like 'p\\_%'").await,
        [""; 0]
    );
    let without = ApplyOptions { record: false, ..options() };
    let applied = apply(&target, &policy("p", ""), None, &without, &|_| {}).await.unwrap();
    assert_eq!((applied.id, applied.changes.is_empty()), (None, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_at_commit_is_settled_by_the_record() {
    // nobody confirms a commit until the names are gone
    let settings = [("synchronous_standby_names", "nobody"), ("synchronous_commit", "local")];
    let server = unisys_testkit::own_server(free_port(), &[SHARED_SETTINGS, &settings].concat()).unwrap();
    let target = database_on(&server, "shop").await;
    make(&target).await;
    let proxy = Proxy::before(&target);
    let through = Target { options: Some("-c synchronous_commit=on".into()), ..proxy.target() };
    let run = tokio::spawn(async move { reach(&through, &policy("p", "")).await });
    let watcher = session(&target).await;
    until(&watcher, "select exists (select from pg_stat_activity where wait_event = 'SyncRep')").await;
    proxy.cut_all();
    watcher.batch_execute("alter system set synchronous_standby_names = ''").await.unwrap();
    watcher.batch_execute("select pg_reload_conf()").await.unwrap();
    let applied = run.await.unwrap().unwrap();
    let ids: Vec<i64> = records(&watcher).await.unwrap().iter().map(|record| record.id).collect();
    assert_eq!(ids, [applied.id.unwrap()]);
}

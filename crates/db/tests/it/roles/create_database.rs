//! `roles apply --create-database`: the database itself.

use unisys_db::Session;
use unisys_db::roles::{CreatedDatabase, DatabaseRule, create_database};

use crate::support::{database_on, own_server, session, strings};

/// R35: a name is a name, whatever is in it.
const NAMES: [&str; 3] = ["uni", "Uni \"x\"; drop database postgres; --", "ÜNI'$1'"];

fn rule() -> DatabaseRule {
    DatabaseRule {
        owner: Some("Own\"er; --".into()),
        encoding: Some("utf-8".into()),
        locale: Some("C".into()),
        connection_limit: Some(40),
        ..DatabaseRule::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_database_is_made_as_the_policy_says_once() {
    let server = own_server();
    let postgres = server.server().target("postgres");
    for name in NAMES {
        let target = postgres.with_database(name);
        // four at once: one makes it, and nobody fails
        let runs: Vec<_> = (0..4)
            .map(|_| {
                let target = target.clone();
                tokio::spawn(async move { create_database(&target, &rule()).await.unwrap() })
            })
            .collect();
        let mut made = 0;
        for run in runs {
            let report = run.await.unwrap();
            assert_eq!(report.differs, [""; 0]);
            made += usize::from(report.created);
        }
        assert_eq!(made, 1, "{name}");
        let query = "select pg_encoding_to_char(encoding) || ' ' || datcollate || ' ' || datconnlimit || ' '
            || r.rolname || ' ' || r.rolcanlogin
            from pg_database as d join pg_roles as r on r.oid = d.datdba where datname = current_database()";
        assert_eq!(strings(&session(&target).await, query).await, ["UTF8 C 40 Own\"er; -- false"]);
    }
    let all = "select count(*)::text from pg_database where not datistemplate";
    assert_eq!(strings(&session(&postgres).await, all).await, ["4"]);
}

#[tokio::test]
async fn what_an_existing_one_has_otherwise_is_told() {
    let server = own_server();
    let target = database_on(&server, "uni").await;
    let asked = DatabaseRule { encoding: Some("latin1".into()), locale: Some("xx_XX.utf8".into()), ..rule() };
    let report = create_database(&target, &asked).await.unwrap();
    let told: Vec<&str> = report.differs.iter().map(|text| text.split(" is ").next().unwrap()).collect();
    assert_eq!((report.created, told), (false, vec!["its encoding", "its LC_COLLATE", "its LC_CTYPE"]));
    let report = create_database(&target, &DatabaseRule::default()).await.unwrap();
    assert_eq!(report, CreatedDatabase::default());
}

#[tokio::test]
async fn who_may_create_databases_needs_no_superuser() {
    let server = own_server();
    let postgres = server.server().target("postgres");
    let made = "create role deploy login createdb createrole";
    session(&postgres).await.batch_execute(made).await.unwrap();
    let target = postgres.with_database("uni").with_user("deploy");
    assert!(create_database(&target, &rule()).await.unwrap().created);
    // somebody who may not is told so
    session(&postgres).await.batch_execute("create role guest login").await.unwrap();
    let target = postgres.with_database("other").with_user("guest");
    let owned = DatabaseRule { owner: None, ..rule() };
    let error = create_database(&target, &owned).await.unwrap_err();
    assert_eq!(error.to_string(), "could not create the database other");
    assert!(Session::open(&postgres.with_database("other")).await.is_err());
}

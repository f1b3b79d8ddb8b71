//! What users may do: kept true by triggers, whoever writes, however many at once.

use tokio_postgres::error::SqlState;
use unisys_db::Session;

use super::world::{ADA, ROOT, STAFF, acting, id, reason, world};
use crate::support::{migrated, session, strings};

/// Users whose kept permissions are not what their roles say: the rule that comes with the schema.
async fn wrong(session: &Session) -> Vec<String> {
    let rule = "select query from qa.rules where code = 'user_permissions'";
    let query = strings(session, rule).await.remove(0);
    strings(session, &format!("select q::text from ({query}) as q")).await
}

#[tokio::test]
async fn each_source_changes_what_a_user_may_do() {
    let session = session(&migrated().await).await;
    session
        .batch_execute(
            "insert into app.users (username, email, first_name, last_name) values ('u', 'u@x.test', 'U', 'U');
            insert into app.roles (name) values ('r'), ('s');
            insert into app.permissions (resource, action) values ('a', 'b'), ('a', 'c')",
        )
        .await
        .unwrap();
    let may = "select coalesce((select permissions::text from app.user_permissions), '-')";
    let role = "(select id from app.roles where name = 'r')";
    let other = "(select id from app.roles where name = 's')";
    let user = "(select id from app.users)";
    let steps = [
        (format!("insert into app.user_roles (user_id, role_id) values ({user}, {role})"), "-"),
        (
            format!(
                "insert into app.role_permissions (role_id, permission_id)
                select {role}, id from app.permissions where resource = 'a'"
            ),
            "{a.b,a.c}",
        ),
        ("update app.permissions set is_active = false where name = 'a.b'".into(), "{a.c}"),
        ("update app.permissions set action = 'd' where name = 'a.c'".into(), "{a.d}"),
        (format!("update app.user_roles set role_id = {other}"), "-"),
        (format!("update app.role_permissions set role_id = {other} where role_id = {role}"), "{a.d}"),
        ("update app.roles set is_active = false where name = 's'".into(), "-"),
        ("update app.roles set is_active = true where name = 's'".into(), "{a.d}"),
        ("update app.users set is_active = false".into(), "-"),
        ("update app.users set is_active = true".into(), "{a.d}"),
        ("update app.users set last_login = now()".into(), "{a.d}"),
        ("delete from app.permissions where name = 'a.d'".into(), "-"),
        ("update app.permissions set is_active = true where name = 'a.b'".into(), "{a.b}"),
        ("delete from app.roles where name = 's'".into(), "-"),
    ];
    for (step, expected) in steps {
        session.batch_execute(&step).await.unwrap();
        assert_eq!(strings(&session, may).await, [expected], "{step}");
        assert_eq!(wrong(&session).await, [""; 0], "{step}");
    }
    session.batch_execute("begin isolation level repeatable read").await.unwrap();
    let error = session.batch_execute("delete from app.user_roles").await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::INVALID_TRANSACTION_STATE));
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_at_once_neither_deadlock_nor_leave_anything_stale() {
    let target = migrated().await;
    let setup = session(&target).await;
    setup
        .batch_execute(
            "insert into app.users (username, email, first_name, last_name)
                select 'u' || n, 'u' || n || '@x.test', 'U', 'U' from generate_series(0, 19) as n",
        )
        .await
        .unwrap();
    let mut writers = vec![];
    for writer in 0..8_u32 {
        let target = target.clone();
        writers.push(tokio::spawn(async move {
            let session = session(&target).await;
            for round in 0..15_u32 {
                let (user, other) = ((writer + round) % 20, (writer * 7 + round * 3) % 20);
                let role = format!("(select id from app.roles order by name offset {} limit 1)", round % 4);
                let user = format!("(select id from app.users where username = 'u{user}')");
                let other = format!("(select id from app.users where username = 'u{other}')");
                let permission =
                    format!("(select id from app.permissions order by name offset {} limit 1)", writer % 5);
                let change = match (writer + round) % 4 {
                    0 => format!(
                        "insert into app.user_roles (user_id, role_id) values ({user}, {role}), ({other}, {role})
                        on conflict do nothing"
                    ),
                    1 => format!("delete from app.user_roles where user_id in ({user}, {other})"),
                    2 => format!(
                        "delete from app.role_permissions where role_id = {role} and permission_id = {permission};
                        update app.users set is_active = not is_active where id = {user}"
                    ),
                    _ => format!(
                        "insert into app.role_permissions (role_id, permission_id) values ({role}, {permission})
                        on conflict do nothing;
                        update app.roles set description = 'changed' where id = {role}"
                    ),
                };
                let isolation = if round % 5 == 0 { "serializable" } else { "read committed" };
                let whole = format!("begin isolation level {isolation}; {change}; commit");
                if let Err(error) = session.batch_execute(&whole).await {
                    // Two serializable ones may collide; nothing else may go wrong.
                    assert_eq!(reason(&error), "40001", "{change}");
                    session.batch_execute("rollback").await.unwrap();
                }
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(wrong(&setup).await, [""; 0]);
    let deadlocks = "select deadlocks::text from pg_stat_database where datname = current_database()";
    assert_eq!(strings(&setup, deadlocks).await, ["0"]);
}

#[tokio::test]
async fn a_statement_is_one_recomputation() {
    let session = session(&migrated().await).await;
    session
        .batch_execute(
            "insert into app.users (username, email, first_name, last_name)
                select 'u' || n, 'u' || n || '@x.test', 'U', 'U' from generate_series(1, 500) as n;
            set track_functions = 'all';
            insert into app.user_roles (user_id, role_id)
                select u.id, r.id from app.users as u, app.roles as r;",
        )
        .await
        .unwrap();
    assert_eq!(strings(&session, "select count(*)::text from app.user_permissions").await, ["500"]);
    let calls = "select coalesce(sum(calls), 0)::text from pg_stat_xact_user_functions
        where funcname = 'refresh_user_permissions'";
    session.batch_execute("begin").await.unwrap();
    let before: i64 = strings(&session, calls).await[0].parse().unwrap();
    session.batch_execute("delete from app.user_roles").await.unwrap();
    assert_eq!(strings(&session, calls).await, [(before + 1).to_string()]);
}

#[tokio::test]
async fn may_asks_the_roles_and_superusers_may_everything() {
    let (_target, session) = world().await;
    let faculty = format!(
        "insert into app.user_roles (user_id, role_id) select '{}', id from app.roles where name = 'Faculty'",
        id(STAFF)
    );
    session.batch_execute(&faculty).await.unwrap();
    for (user, permission, expected) in [
        (None, "courses.view", "f"),
        (Some(ADA), "courses.view", "f"),
        (Some(STAFF), "grades.manage", "t"),
        (Some(STAFF), "roles.manage", "f"),
        (Some(ROOT), "roles.manage", "t"),
    ] {
        let asked = acting(&session, user, &format!("select app.may('{permission}')")).await.unwrap();
        assert_eq!(asked.as_deref(), Some(expected), "{user:?} {permission}");
    }
}

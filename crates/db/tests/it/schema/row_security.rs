//! Who sees which rows.

use super::world::{ADA, ROOT, STAFF, STAFF_ELSEWHERE, acting, count, id, world};
use crate::support::strings;

#[tokio::test]
async fn nobody_sees_nothing_and_everybody_their_own_and_staff_their_institution() {
    let (_target, session) = world().await;
    for (table, nobody, ada, staff, elsewhere, root) in [
        ("app.users", 0, 1, 2, 1, 4),
        ("app.students", 0, 1, 2, 1, 3),
        ("app.enrollments", 0, 1, 2, 1, 3),
        ("app.courses", 0, 3, 3, 1, 4),
        ("app.institutions", 0, 1, 1, 1, 2),
        ("app.roles", 0, 4, 4, 4, 4),
        ("app.user_roles", 0, 0, 0, 0, 0),
    ] {
        let mut seen = vec![];
        for user in [None, Some(ADA), Some(STAFF), Some(STAFF_ELSEWHERE), Some(ROOT)] {
            seen.push(count(&session, user, table).await);
        }
        assert_eq!(seen, [nobody, ada, staff, elsewhere, root], "{table}");
    }
    // After a transaction that set it, the setting is '' and not null: nobody again.
    assert_eq!(count(&session, None, "app.students").await, 0);
    session
        .batch_execute(&format!("update app.users set is_active = false where id = '{}'", id(STAFF)))
        .await
        .unwrap();
    assert_eq!(count(&session, Some(STAFF), "app.students").await, 0, "a closed account");
    assert_eq!(count(&session, Some(99), "app.students").await, 0, "an account there never was");
}

#[tokio::test]
async fn what_is_not_seen_is_not_written_and_nobody_is_promoted() {
    let (_target, session) = world().await;
    let name = "update app.students set first_name = 'X'";
    for user in [None, Some(ADA), Some(STAFF_ELSEWHERE)] {
        acting(&session, user, name).await.unwrap();
    }
    let changed =
        "select student_number || ' ' || institution_id::text from app.students where first_name = 'X'";
    assert_eq!(strings(&session, changed).await, [format!("1 {}", id(2))]);
    for (user, sql) in [
        (STAFF, "update app.users set is_superuser = true where username = 'ada'"),
        (
            STAFF,
            "insert into app.user_roles (user_id, role_id) select app.current_user_id(), id from app.roles limit 1",
        ),
        (STAFF, "update app.students set institution_id = '00000000-0000-4000-9000-000000000002'"),
        (STAFF, "update app.user_permissions set permissions = '{roles.manage}'; delete from app.students"),
        (
            ADA,
            "insert into app.faculties (institution_id, code, name) select id, 'Z', 'Z' from app.institutions",
        ),
    ] {
        assert!(acting(&session, Some(user), sql).await.is_err(), "{sql}");
    }
    let promoted = "select count(*)::text from app.users where is_superuser";
    assert_eq!(strings(&session, promoted).await, ["1"]);
    acting(&session, Some(STAFF), "update app.users set is_active = false where username = 'root'")
        .await
        .unwrap();
    acting(&session, Some(ROOT), "update app.users set is_superuser = true where username = 'ada'")
        .await
        .unwrap();
    assert_eq!(strings(&session, promoted).await, ["2"]);
}

#[tokio::test]
async fn engineers_are_not_shown_an_empty_university() {
    let (_target, session) = world().await;
    for role in ["d_engineer", "qa_engineer", "analysis_owner"] {
        session.batch_execute(&format!("set role {role}")).await.unwrap();
        assert_eq!(strings(&session, "select count(*)::text from app.students").await, ["3"], "{role}");
        session.batch_execute("reset role").await.unwrap();
    }
    session.batch_execute("select analysis.refresh(); select analysis.refresh()").await.unwrap();
    let masked = "select string_agg(birth_year::text, ' ') from analysis.students";
    assert_eq!(strings(&session, masked).await, ["2000 2000 2000"]);
}

#[tokio::test]
async fn a_policy_asks_once_and_lets_indexes_serve() {
    let (_target, session) = world().await;
    session
        .batch_execute(&format!(
            "begin; set local role app_user; set local \"app.current_user_id\" = '{}'",
            id(ADA)
        ))
        .await
        .unwrap();
    session.batch_execute("set local enable_seqscan = off").await.unwrap();
    let explain = format!("explain (costs off) select from app.enrollments where student_id = '{}'", id(21));
    let plan = strings(&session, &explain).await.join("\n");
    assert!(plan.contains("Index Cond: (student_id = "), "{plan}");
    let asked = plan.lines().filter(|line| line.trim_start().starts_with("InitPlan")).count();
    assert_eq!(asked, 2, "{plan}");
    let filter = plan.lines().find(|line| line.contains("Filter:")).unwrap();
    assert!(!filter.contains("app."), "no function for each row: {plan}");
}

#[tokio::test]
async fn signing_in_needs_nobody_signed_in() {
    let (_target, session) = world().await;
    let find = "select user_id from app.find_login('ADA@a.test')";
    assert_eq!(acting(&session, None, find).await.unwrap(), Some(id(ADA)));
    let open = format!("select app.open_session('{}', sha256('token'), '1 hour')", id(ADA));
    let opened = acting(&session, None, &open).await.unwrap().unwrap();
    let who = "select user_id from app.find_session(sha256('token'))";
    assert_eq!(acting(&session, None, who).await.unwrap(), Some(id(ADA)));
    assert_eq!(acting(&session, None, &who.replace("token", "other")).await.unwrap(), None);
    assert_eq!(count(&session, Some(ADA), "app.sessions").await, 1);
    assert_eq!(count(&session, Some(STAFF), "app.sessions").await, 0);
    assert_eq!(strings(&session, "select id::text from app.sessions").await, [opened]);
    assert_eq!(
        acting(&session, None, "select app.close_session(sha256('token'))").await.unwrap().as_deref(),
        Some("t")
    );
    assert_eq!(acting(&session, None, who).await.unwrap(), None);
    session
        .batch_execute(&format!("update app.users set is_active = false where id = '{}'", id(ADA)))
        .await
        .unwrap();
    assert_eq!(acting(&session, None, find).await.unwrap(), None);
    assert!(acting(&session, None, &open).await.is_err());
}

//! The audit log: what it records, and its months.

use super::world::{ADA, ROOT, STAFF, acting, count, refused, world};
use crate::support::strings;

#[tokio::test]
async fn a_change_is_recorded_with_who_and_from_where() {
    let (_target, session) = world().await;
    let change = "set local \"app.client_address\" = '192.0.2.1'; set local \"app.user_agent\" = 'curl';
        set local \"app.session_id\" = 's1'; set local \"app.request_method\" = 'PUT';
        set local \"app.request_path\" = '/students/22'; set local \"app.response_status\" = '200';
        update app.students set email = 'bob@a.test', first_name = first_name where student_number = '2'";
    acting(&session, Some(STAFF), change).await.unwrap();
    let entry = "select concat_ws(' ', action, resource_type, right(resource_id::text, 2), right(user_id::text, 2),
            right(institution_id::text, 1), host(ip_address), user_agent, session_id, request_method, request_path,
            response_status, db_login, old_values, new_values)
        from app.audit_logs where action = 'update' order by created_at desc limit 1";
    insta::assert_snapshot!(strings(&session, entry).await[0]);
}

#[tokio::test]
async fn secrets_are_recorded_as_hidden_and_stamps_not_at_all() {
    let (_target, session) = world().await;
    session
        .batch_execute(
            "select set_config('app.encryption_key', repeat('k', 40), false);
            update app.users set password_hash = '$argon2id$other' where username = 'ada';
            update app.users set updated_at = now() where username = 'ada';
            update app.students set national_id = app.encrypt('AB123') where student_number = '2';
            delete from app.users where username = 'elsewhere';",
        )
        .await
        .unwrap();
    let text =
        "select string_agg(old_values::text, ' ') || string_agg(new_values::text, ' ') from app.audit_logs";
    let text = &strings(&session, text).await[0];
    assert!(!text.contains("argon2id") && !text.contains("AB123"), "{text}");
    let hidden = "select coalesce(old_values::text, '-') || ' ' || (new_values::text)
        from app.audit_logs where action = 'update' order by created_at";
    assert_eq!(
        strings(&session, hidden).await,
        [
            r#"{"password_hash": "(hidden)"} {"password_hash": "(hidden)"}"#,
            r#"{"national_id": null} {"national_id": "(hidden)"}"#
        ]
    );
}

#[tokio::test]
async fn the_application_reads_its_part_and_changes_nothing() {
    let (_target, session) = world().await;
    acting(&session, Some(ADA), "select app.audit_event('login')").await.unwrap();
    assert_eq!(count(&session, None, "app.audit_logs").await, 0);
    assert_eq!(count(&session, Some(ADA), "app.audit_logs").await, 1);
    let staff = count(&session, Some(STAFF), "app.audit_logs where institution_id is not null").await;
    let all = "select count(*)::text from app.audit_logs where institution_id is not null";
    assert!(staff > 1 && strings(&session, all).await[0].parse::<i64>().unwrap() > staff);
    for user in [ADA, STAFF, ROOT] {
        acting(&session, Some(user), "update app.audit_logs set message = 'x'").await.unwrap();
    }
    assert_eq!(
        strings(&session, "select message from app.audit_logs where message is not null").await,
        [""; 0]
    );
    for forged in [
        "insert into app.audit_logs (action) values ('login')",
        "select app.audit_event('delete', 'students')",
    ] {
        assert!(acting(&session, Some(ADA), forged).await.is_err(), "{forged}");
    }
}

#[tokio::test]
async fn months_are_made_drained_and_detached() {
    let (target, session) = world().await;
    let months = "select name from app.audit_partitions()";
    assert_eq!(strings(&session, months).await.len(), 5, "this month, three more, and the default");
    session
        .batch_execute(
            "insert into app.audit_logs (created_at, action) values
                ('2019-12-31 23:59:59.999999+00', 'a'), ('2020-01-01 00:00:00+00', 'b'), ('2020-02-01 00:00:00+00', 'c')",
        )
        .await
        .unwrap();
    let astray = "select month || ' ' || rows from app.audit_months_astray()";
    assert_eq!(strings(&session, astray).await, ["2019-12-01 1", "2020-01-01 1", "2020-02-01 1"]);
    // A writer who is not done keeps the default partition: waited for, not run over.
    let writer = crate::support::session(&target).await;
    writer
        .batch_execute("begin; insert into app.audit_logs (created_at, action) values ('2020-01-15', 'd')")
        .await
        .unwrap();
    let make = "select app.make_audit_partition('2020-01-31')";
    assert_eq!(refused(&session, &format!("set lock_timeout = '100ms'; {make}")).await, "55P03");
    writer.batch_execute("commit").await.unwrap();
    assert_eq!(strings(&session, &format!("select ({make})::text")).await, ["2"]);
    assert_eq!(strings(&session, &format!("select (({make}) is null)::text")).await, ["true"]);
    assert_eq!(strings(&session, astray).await, ["2019-12-01 1", "2020-02-01 1"]);
    let there = "select string_agg(action, '' order by action) from app.audit_logs_y2020m01";
    assert_eq!(strings(&session, there).await, ["bd"]);
    let indexes = "select count(*)::text from pg_index where not indisvalid
        or indrelid = 'app.audit_logs'::regclass and not exists (select from pg_inherits as h
            join pg_index as i on i.indexrelid = h.inhrelid
            where h.inhparent = pg_index.indexrelid and i.indrelid = 'app.audit_logs_y2020m01'::regclass)";
    assert_eq!(strings(&session, indexes).await, ["0"]);
    strings(&session, "select app.detach_audit_partition('2020-01-01')").await;
    assert_eq!(strings(&session, there).await, ["bd"], "its rows are kept");
    let left = "select count(*)::text from app.audit_logs where created_at < '2021-01-01'";
    assert_eq!(strings(&session, left).await, ["2"]);
}

#[tokio::test]
async fn emptying_a_table_is_an_entry() {
    let (_target, session) = world().await;
    session.batch_execute("truncate app.attendance").await.unwrap();
    let entry = "select action || ' ' || resource_type from app.audit_logs order by created_at desc limit 1";
    assert_eq!(strings(&session, entry).await, ["truncate attendance"]);
}

//! What leaves: records to the archive, accounts for good, names from everywhere.

use super::world::{ADA, acting, count, id, refused, world};
use crate::support::strings;

/// Attendance, a course and an enrolment of long ago, for each student.
const LONG_AGO: &str = "
    update app.academic_sessions set start_date = '2015-09-01', end_date = '2016-01-31';
    update app.course_offerings set capacity = null;
    insert into app.attendance (institution_id, student_id, course_id, academic_session_id, attended_on, status, remarks)
        select e.institution_id, e.student_id, c.id, e.academic_session_id, '2015-10-01', 'present', 'Ada was ill'
        from app.enrollments as e join app.courses as c on c.institution_id = e.institution_id;
    insert into app.course_enrollments (institution_id, student_id, enrollment_id, course_id, academic_session_id,
            enrollment_date, status, grade)
        select e.institution_id, e.student_id, e.id, c.id, e.academic_session_id, '2015-09-01', 'completed', 'A'
        from app.enrollments as e join app.courses as c on c.institution_id = e.institution_id;
    insert into app.payments (institution_id, student_id, enrollment_id, amount, method, status, paid_at, description)
        select institution_id, student_id, id, 10, 'cash', 'paid', '2015-09-02', 'from Ada''s mother' from app.enrollments;
    update app.enrollments set enrollment_date = '2015-09-01', completion_date = '2018-06-30', status = 'completed'
        where institution_id = pg_temp.id(1);";

#[tokio::test]
async fn old_records_move_to_the_archive_step_by_step_and_stay_readable() {
    let (_target, session) = world().await;
    session.batch_execute(LONG_AGO).await.unwrap();
    let young = "select app.archive_records(current_date - 365)";
    assert_eq!(refused(&session, young).await, "22023");
    let step = "select string_agg(name || ' ' || rows, ', ') from app.archive_records('2020-01-01', 9)";
    let expected = [
        "attendance 7, course_enrollments 2, payments 0, enrollments 0",
        "attendance 0, course_enrollments 5, payments 2, enrollments 2",
        "attendance 0, course_enrollments 0, payments 0, enrollments 0",
    ];
    for expected in expected {
        assert_eq!(strings(&session, step).await, [expected]);
    }
    let left = "select count(*)::text from app.enrollments";
    assert_eq!(strings(&session, left).await, ["1"], "what is not completed stays");
    let told = "select message from app.audit_logs where action = 'archive'";
    assert_eq!(strings(&session, told).await.len(), 2, "one entry a step");
    let moved = "select count(*)::text from app.audit_logs where action = 'delete'";
    assert_eq!(strings(&session, moved).await, ["0"]);
    session.batch_execute("grant select on all tables in schema app to app_user").await.unwrap();
    assert_eq!(count(&session, Some(ADA), "app.archived_enrollments").await, 1);
    assert_eq!(count(&session, None, "app.archived_enrollments").await, 0);
}

#[tokio::test]
async fn a_deleted_account_is_gone_after_thirty_days_and_with_it_its_traces() {
    let (_target, session) = world().await;
    let note = "set local \"app.client_address\" = '192.0.2.9'; select app.audit_event('login')";
    acting(&session, Some(ADA), note).await.unwrap();
    let delete = |days: u32| {
        format!(
            "update app.users set is_active = false, deleted_at = now() - interval '{days} days' where id = '{}'",
            id(ADA)
        )
    };
    session.batch_execute(&delete(29)).await.unwrap();
    assert_eq!(strings(&session, "select app.purge_users()::text").await, ["0"]);
    assert_eq!(refused(&session, "select app.purge_users(now())").await, "22023");
    session.batch_execute(&delete(31)).await.unwrap();
    assert_eq!(strings(&session, "select app.purge_users()::text").await, ["1"]);
    let student = "select (user_id is null)::text from app.students where first_name = 'Ada'";
    assert_eq!(strings(&session, student).await, ["true"], "the student's records stay");
    let traces = "select count(*)::text from app.audit_logs
        where resource_type = 'users' and audit_logs::text ~ 'ada@a.test|Lovelace' or host(ip_address) = '192.0.2.9'";
    assert_eq!(strings(&session, traces).await, ["0"]);
    let others = "select count(*)::text from app.audit_logs where audit_logs::text ~ 'staff@a.test'";
    assert_eq!(strings(&session, others).await, ["1"], "nobody else's are touched");
}

#[tokio::test]
async fn an_anonymised_student_is_named_nowhere() {
    let (_target, session) = world().await;
    session.batch_execute(LONG_AGO).await.unwrap();
    strings(&session, "select name from app.archive_records('2020-01-01')").await;
    session.batch_execute(&format!("select app.anonymize_student('{}')", id(21))).await.unwrap();
    let tables = strings(
        &session,
        "select format('select %L || t::text from %s as t where t::text ~* ''ada|lovelace''', relname, oid::regclass)
        from pg_class where relnamespace = 'app'::regnamespace and relkind in ('r', 'p') and not relispartition",
    )
    .await;
    let mut found = vec![];
    for table in tables {
        found.extend(strings(&session, &table).await);
    }
    // Other students' remarks say it too: those are theirs.
    found.retain(|row| row.contains(&id(21)) || row.contains(&id(ADA)));
    assert_eq!(found, [""; 0]);
    let stays =
        format!("select grade from app.archived_course_enrollments where student_id = '{}' limit 1", id(21));
    assert_eq!(strings(&session, &stays).await, ["A"]);
}

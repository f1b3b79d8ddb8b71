//! The rules that the database itself keeps.

use rstest::rstest;
use tokio_postgres::error::SqlState;

use super::world::{id, refused, world};
use crate::support::{session, strings};

#[rstest]
#[case("update app.students set status = 'asleep'", "students_status_check")]
#[case("update app.students set date_of_birth = '2021-01-01'", "students_birth_check")]
#[case("update app.students set date_of_birth = null", "students_birth_known_check")]
#[case("update app.students set national_id = 'AB 123456'", "ciphertext_check")]
#[case(
    "update app.users set is_staff = true where institution_id is null and not is_superuser;
    update app.users set is_staff = true, is_superuser = false where username = 'root'",
    "users_staff_check"
)]
#[case("update app.users set deleted_at = now() where username = 'ada'", "users_deleted_check")]
#[case("update app.users set email = 'STAFF@a.test' where username = 'ada'", "users_email_key")]
#[case("update app.academic_sessions set end_date = start_date", "academic_sessions_dates_check")]
#[case("update app.enrollments set status = 'completed'", "enrollments_completed_check")]
#[case("update app.courses set credits = 0", "courses_credits_check")]
#[case::another_institution(
    "update app.courses set program_id = pg_temp.id(42) where id = pg_temp.id(51)",
    "courses_program_fkey"
)]
#[case::second_active(
    "insert into app.enrollments
        (institution_id, student_id, program_id, academic_session_id, enrollment_date)
    select institution_id, student_id, program_id, academic_session_id, enrollment_date from app.enrollments",
    "enrollments_active_key"
)]
#[case::own_prerequisite(
    "insert into app.course_prerequisites (institution_id, course_id, prerequisite_id)
    values (pg_temp.id(1), pg_temp.id(51), pg_temp.id(51))",
    "course_prerequisites_self_check"
)]
#[case::circle(
    "insert into app.course_prerequisites (institution_id, course_id, prerequisite_id) values
    (pg_temp.id(1), pg_temp.id(52), pg_temp.id(51)), (pg_temp.id(1), pg_temp.id(53), pg_temp.id(52));
    insert into app.course_prerequisites (institution_id, course_id, prerequisite_id) values
    (pg_temp.id(1), pg_temp.id(51), pg_temp.id(53))",
    "course_prerequisites_circle"
)]
#[case::amount(
    "insert into app.payments (institution_id, student_id, amount, method)
    values (pg_temp.id(1), pg_temp.id(21), 0, 'cash')",
    "payments_amount_check"
)]
#[case::paid_without_a_day(
    "insert into app.payments (institution_id, student_id, amount, method, status)
    values (pg_temp.id(1), pg_temp.id(21), 1, 'cash', 'paid')",
    "payments_paid_check"
)]
#[case::somebody_elses_enrolment(
    "insert into app.payments (institution_id, student_id, enrollment_id, amount, method)
    values (pg_temp.id(1), pg_temp.id(21), pg_temp.id(72), 1, 'cash')",
    "payments_enrollment_fkey"
)]
#[case::no_grade_while_enrolled("insert into app.course_enrollments (institution_id, student_id, enrollment_id, course_id,
        academic_session_id, enrollment_date, grade)
    values (pg_temp.id(1), pg_temp.id(21), pg_temp.id(71), pg_temp.id(51), pg_temp.id(61), '2020-09-01', 'A')",
    "course_enrollments_graded_check")]
#[case::failed_is_f("insert into app.course_enrollments (institution_id, student_id, enrollment_id, course_id,
        academic_session_id, enrollment_date, status, grade)
    values (pg_temp.id(1), pg_temp.id(21), pg_temp.id(71), pg_temp.id(51), pg_temp.id(61), '2020-09-01', 'failed', 'A')",
    "course_enrollments_passed_check")]
#[case::no_place(
    "insert into app.course_enrollments (institution_id, student_id, enrollment_id, course_id,
        academic_session_id, enrollment_date)
    select institution_id, student_id, id, pg_temp.id(51), pg_temp.id(61), '2020-09-01' from app.enrollments
    where institution_id = pg_temp.id(1)",
    "course_offerings_capacity_check"
)]
#[case::not_offered(
    "delete from app.course_offerings; insert into app.attendance
        (institution_id, student_id, course_id, academic_session_id, attended_on, status)
    values (pg_temp.id(1), pg_temp.id(21), pg_temp.id(51), pg_temp.id(61), '2020-10-01', 'present')",
    "attendance_offering_fkey"
)]
#[case::report_that_writes(
    "insert into app.report_definitions (name, query) values ('x', 'delete from app.users')",
    "report_definitions_query_check"
)]
#[tokio::test]
async fn what_breaks_a_rule_is_refused_by_its_name(#[case] sql: &str, #[case] constraint: &str) {
    let (_target, session) = world().await;
    assert_eq!(refused(&session, sql).await, constraint);
}

#[tokio::test]
async fn loans_of_a_copy_never_overlap() {
    let (_target, session) = world().await;
    session
        .batch_execute(
            "insert into app.library_items (id, institution_id, title) values (pg_temp.id(81), pg_temp.id(1), 'T');
            insert into app.library_copies (id, institution_id, item_id, barcode)
                values (pg_temp.id(82), pg_temp.id(1), pg_temp.id(81), 'x');
            insert into app.library_loans (institution_id, copy_id, student_id, lent_at, due_on, returned_at) values
                (pg_temp.id(1), pg_temp.id(82), pg_temp.id(21), '2026-01-01', '2026-02-01', '2026-01-10'),
                (pg_temp.id(1), pg_temp.id(82), pg_temp.id(22), '2026-01-10', '2026-02-01', null);",
        )
        .await
        .unwrap();
    let lend = |from: &str, back: &str| {
        format!(
            "insert into app.library_loans (institution_id, copy_id, student_id, lent_at, due_on, returned_at)
            values (pg_temp.id(1), pg_temp.id(82), pg_temp.id(21), '{from}', '2026-12-01', {back})"
        )
    };
    for (from, back) in [("2026-01-20", "null"), ("2025-12-01", "'2026-01-05'")] {
        assert_eq!(refused(&session, &lend(from, back)).await, "library_loans_overlap");
    }
    session.batch_execute(&lend("2025-11-01", "'2025-12-01'")).await.unwrap();
    let nobody = "update app.library_loans set student_id = null where returned_at is null";
    assert_eq!(refused(&session, nobody).await, "library_loans_open_check");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_place_goes_to_one_of_many_who_want_it() {
    let (target, setup) = world().await;
    setup
        .batch_execute(
            "update app.course_offerings set capacity = 3 where course_id = pg_temp.id(51);
            insert into app.students (institution_id, student_number, first_name, last_name, date_of_birth, admitted_on)
                select pg_temp.id(1), 'n' || n, 'N', 'N', '2000-01-01', '2020-09-01' from generate_series(1, 8) as n;
            insert into app.enrollments (institution_id, student_id, program_id, academic_session_id, enrollment_date)
                select institution_id, id, pg_temp.id(41), pg_temp.id(61), '2020-09-01'
                from app.students where student_number like 'n%';",
        )
        .await
        .unwrap();
    let mut wanting = vec![];
    for n in 1..=8 {
        let target = target.clone();
        wanting.push(tokio::spawn(async move {
            let session = session(&target).await;
            let isolation = ["read committed", "repeatable read"][n % 2];
            session.batch_execute(&format!("begin isolation level {isolation}")).await.unwrap();
            let take = format!(
                "insert into app.course_enrollments
                    (institution_id, student_id, enrollment_id, course_id, academic_session_id, enrollment_date)
                select e.institution_id, e.student_id, e.id, '{}', e.academic_session_id, '2020-09-01'
                from app.enrollments as e join app.students as s on s.id = e.student_id
                where s.student_number = 'n{n}'",
                id(51)
            );
            let result = session.batch_execute(&take).await;
            session.batch_execute(if result.is_ok() { "commit" } else { "rollback" }).await.unwrap();
            result.is_ok()
        }));
    }
    let mut got = 0;
    for one in wanting {
        got += u32::from(one.await.unwrap());
    }
    assert!((1..=3).contains(&got), "{got}");
    let taken = format!("select taken::text from app.course_offerings where course_id = '{}'", id(51));
    assert_eq!(strings(&setup, &taken).await, [got.to_string()]);
    // Who drops the course gives the place back, and a move takes it along.
    setup
        .batch_execute(
            "update app.course_enrollments set course_id = pg_temp.id(52)
                where id = (select id from app.course_enrollments limit 1);
            update app.course_enrollments set status = 'dropped' where course_id = pg_temp.id(51)",
        )
        .await
        .unwrap();
    let all = "select string_agg(taken::text, ' ' order by course_id) from app.course_offerings";
    assert_eq!(strings(&setup, all).await, ["0 1 0 0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_halves_of_a_circle_are_not_added_at_once() {
    let (target, first) = world().await;
    let second = session(&target).await;
    let add = |course: u32, before: u32| {
        format!(
            "insert into app.course_prerequisites (institution_id, course_id, prerequisite_id)
            values ('{}', '{}', '{}')",
            id(1),
            id(course),
            id(before)
        )
    };
    first.batch_execute(&format!("begin; {}", add(52, 51))).await.unwrap();
    let late = tokio::spawn(async move { second.batch_execute(&add(51, 52)).await });
    let waits = "select count(*)::text from pg_locks as l where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())";
    while strings(&first, waits).await != ["1"] {
        tokio::task::yield_now().await;
    }
    first.batch_execute("commit").await.unwrap();
    let error = late.await.unwrap().unwrap_err();
    assert_eq!(error.as_db_error().unwrap().constraint(), Some("course_prerequisites_circle"));
    first.batch_execute("begin isolation level repeatable read").await.unwrap();
    let error =
        first.batch_execute("insert into app.course_prerequisites select from app.courses where false").await;
    assert_eq!(error.unwrap_err().code(), Some(&SqlState::INVALID_TRANSACTION_STATE));
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_numbered_without_a_gap_by_institution() {
    let (target, setup) = world().await;
    let mut payers = vec![];
    for n in 0..6 {
        let target = target.clone();
        payers.push(tokio::spawn(async move {
            let session = session(&target).await;
            for i in 0..5 {
                let pay = format!(
                    "begin; insert into app.payments (institution_id, student_id, amount, method)
                    values ('{}', '{}', 1, 'cash'); {}",
                    id(1),
                    id(21),
                    if (n + i) % 2 == 0 { "commit" } else { "rollback" }
                );
                session.batch_execute(&pay).await.unwrap();
            }
        }));
    }
    for payer in payers {
        payer.await.unwrap();
    }
    let numbers =
        "select count(*) || ' ' || min(receipt_number) || ' ' || max(receipt_number) from app.payments";
    assert_eq!(strings(&setup, numbers).await, ["15 1 15"]);
}

#[tokio::test]
async fn a_row_says_who_wrote_it_and_when() {
    let (_target, session) = world().await;
    session
        .batch_execute(&format!(
            "begin; set local \"app.current_user_id\" = '{}';
            insert into app.faculties (id, institution_id, code, name) values (pg_temp.id(90), pg_temp.id(1), 'X', 'X');
            update app.courses set name = 'renamed', updated_at = '2000-01-01', updated_by = null;
            commit",
            id(super::world::STAFF)
        ))
        .await
        .unwrap();
    let written = format!(
        "select (created_by = '{0}')::text from app.faculties where code = 'X'
        union all select distinct (updated_by = '{0}' and updated_at > now() - interval '1 hour')::text from app.courses",
        id(super::world::STAFF)
    );
    assert_eq!(strings(&session, &written).await, ["true", "true"]);
}

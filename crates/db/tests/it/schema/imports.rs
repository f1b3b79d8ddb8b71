//! Imports: which lines of a file are merged, and what is said of the others.

use rstest::rstest;
use tokio_postgres::error::SqlState;
use unisys_db::{Session, Target};

use super::world::{id, reason, refused, world};
use crate::support::{session, strings};

/// The load run of a test.
const RUN: u32 = 91;

/// Registers a file of the first institution, as an engineer would.
async fn begin(session: &Session, target: &str) {
    let begin = format!(
        "insert into etl.load_runs (id, target, source, institution_code, source_sha256)
        values ('{}', '{target}', 'file.csv', 'A', repeat('ab', 32))",
        id(RUN)
    );
    session.batch_execute(&begin).await.unwrap();
}

/// Stages lines: values as they came, by column, from line 2 on.
async fn stage(session: &Session, target: &str, columns: &str, lines: &[&str]) {
    for (line, number) in lines.iter().zip(2..) {
        let insert = format!(
            "insert into etl.staging_{target} (load_run_id, line, {columns}) values ('{}', {number}, {line})",
            id(RUN)
        );
        session.batch_execute(&insert).await.unwrap();
    }
}

/// Calls a function with the run, and returns lines read, rejected, loaded.
async fn call(session: &Session, function: &str, more: &str) -> String {
    let call = format!(
        "select concat_ws(' ', rows_read, rows_rejected, rows_loaded) from app.{function}('{}'{more})",
        id(RUN)
    );
    strings(session, &call).await.remove(0)
}

/// What is wrong, line by line.
async fn rejected(session: &Session) -> Vec<String> {
    strings(session, "select line || ' ' || reason from etl.rejected_rows order by line").await
}

const STUDENTS: &str =
    "student_number, first_name, last_name, date_of_birth, admitted_on, gender, email, status";

#[rstest]
#[case::students("students", STUDENTS, &[
    ("'n1', 'Ada', 'L', '2000-02-29', '2020-01-01', 'female', 'a@b', ''", ""),
    ("' n2 ', 'Ada', 'L', '2000-01-01', '2020-01-01', ' ', null, 'ACTIVE'", ""),
    ("'n1', 'Ada', 'L', '2000-01-01', '2020-01-01', null, null, null", "student_number stands in line 2 already"),
    ("'1', 'Ada', 'L', '2000-01-01', '2020-01-01', null, null, null", "student_number is taken: 1"),
    ("null, '', ' ', null, '', null, null, null", "student_number is missing; first_name is missing; \
        last_name is missing; date_of_birth is missing; admitted_on is missing"),
    ("'n3', 'Ada', 'L', '31.12.2000', '2021-02-29', null, null, null", "date_of_birth is no day as YYYY-MM-DD: \
        31.12.2000; admitted_on is no day as YYYY-MM-DD: 2021-02-29"),
    ("'n4', 'Ada', 'L', '0000-01-01', '12021-01-01', null, null, null", "date_of_birth is no day as YYYY-MM-DD: \
        0000-01-01; admitted_on is no day as YYYY-MM-DD: 12021-01-01"),
    ("'n5', 'Ada', 'L', '2000-01-01', '1999-01-01', null, null, null", "date_of_birth is not before admitted_on: 2000-01-01"),
    ("'n6', 'Ada', 'L', '1900-01-01', '2020-01-01', 'x', 'nowhere', 'enroled'", "date_of_birth is before 1900-01-02: \
        1900-01-01; gender is none of female, male, other: x; email is no address: nowhere; \
        status is none of applicant, active, suspended, graduated, withdrawn: enroled"),
    ("repeat('n', 51), repeat('é', 201), repeat('l', 201), '2000-01-01', '2020-01-01', null, repeat('@', 255), null",
        "student_number is longer than 50 characters; first_name is longer than 200 characters; \
        last_name is longer than 200 characters; email is longer than 254 characters"),
])]
#[case::courses("courses", "program_code, code, name, credits, hours_per_week, is_core", &[
    ("'P', 'X1', 'Logic', '5', null, 'no'", ""),
    ("'P', 'X1', 'Logic', '5', '2', ''", "code stands in line 2 already"),
    ("'P', 'C1', 'Logic', '5', '2', 'yes'", "code is taken in that programme: C1"),
    ("'Q', 'X2', 'Logic', '5.5', '0', 'maybe'", "program_code is unknown: Q; credits is no number from 1 to 60: 5.5; \
        hours_per_week is no number from 1 to 60: 0; is_core is neither true nor false: maybe"),
    ("null, null, null, null, 'two', null", "program_code is missing; code is missing; name is missing; credits is missing; \
        hours_per_week is no number from 1 to 60: two"),
    ("'P', repeat('x', 51), repeat('n', 301), '99999999999', '61', 't'", "code is longer than 50 characters; \
        name is longer than 300 characters; credits is no number from 1 to 60: 99999999999; \
        hours_per_week is no number from 1 to 60: 61"),
])]
#[case::payments("payments", "student_number, amount, currency, method, status, paid_at, description", &[
    ("'1', '12.5', 'eur', 'Cash', 'paid', '2020-10-01 12:00', null", ""),
    ("'1', '12.50', 'EUR', 'cash', 'paid', '2020-10-01T12:00Z', null", "the payment stands in line 2 already"),
    ("'1', '7', null, 'card', 'refunded', '2020-10-02T12:00:00+02:00', 'x'", ""),
    ("'1', '99', 'EUR', 'card', 'paid', '2020-09-01', null", "the payment is there already"),
    ("'1', '1,50', 'EUR', 'card', null, null, null", "amount is no sum as 1234.50: 1,50"),
    ("'9', '0', 'EURO', 'gold', 'lost', '2020-10-01', null", "student_number is unknown: 9; amount is no sum as 1234.50: 0; \
        currency is no code of three letters: EURO; method is none of cash, card, transfer, mobile, cheque: gold; \
        status is none of pending, paid, failed, refunded: lost"),
    ("null, null, null, null, 'paid', null, repeat('d', 2001)", "student_number is missing; amount is missing; \
        method is missing; paid_at is missing; description is longer than 2000 characters"),
    ("'2', '-5', 'EUR', 'cash', 'pending', '2020-10-01', null", "amount is no sum as 1234.50: -5; \
        paid_at has no place where the status is pending"),
    ("'2', '5.123', 'EUR', 'cash', 'paid', '2020-10-01 25:00', null", "amount is no sum as 1234.50: 5.123; \
        paid_at is no moment as YYYY-MM-DD HH:MM:SS: 2020-10-01 25:00"),
    ("'2', '5', 'EUR', 'cash', 'paid', '2199-10-01', null", "paid_at is still to come: 2199-10-01"),
])]
#[case::attendance("attendance", "student_number, course_code, session_code, attended_on, status, minutes_late, remarks", &[
    ("'1', 'C1', 'S', '2020-10-01', 'present', null, null", ""),
    ("'1', 'C1', 'S', '2020-10-01', 'absent', null, null", "the attendance stands in line 2 already"),
    ("'2', 'C1', 'S', '2020-10-01', 'late', '15', 'bus'", ""),
    ("'1', 'C2', 'S', '2020-11-01', 'present', null, null", "the attendance is there already"),
    ("'9', 'C9', 'S', '2020-10-01', 'here', null, null", "student_number is unknown: 9; \
        course_code is not given in that session: C9; status is none of present, absent, late, excused: here"),
    ("'1', 'C1', 'T', '2020-10-01', 'late', null, null", "session_code is unknown: T; minutes_late is missing"),
    ("'1', 'C1', 'S', '2021-06-01', 'late', '601', null", "attended_on is outside the session: 2021-06-01; \
        minutes_late is no number from 1 to 600: 601"),
    ("'1', 'C1', 'S', '2199-06-01', 'present', '5', null", "attended_on is still to come: 2199-06-01; \
        minutes_late has no place where the status is present"),
    ("null, null, null, null, null, null, repeat('r', 2001)", "student_number is missing; session_code is missing; \
        course_code is missing; attended_on is missing; status is missing; remarks is longer than 2000 characters"),
    ("'1', 'TWICE', 'S', '20201001', 'present', null, null", "course_code is one of several programmes in that session: TWICE; \
        attended_on is no day as YYYY-MM-DD: 20201001"),
])]
#[tokio::test]
async fn every_bad_line_is_told_with_all_its_reasons(
    #[case] target: &str,
    #[case] columns: &str,
    #[case] lines: &[(&str, &str)],
) {
    let (_server, session) = world().await;
    session
        .batch_execute(
            "insert into app.payments (institution_id, student_id, amount, method, status, paid_at)
                values (pg_temp.id(1), pg_temp.id(21), 99, 'card', 'paid', '2020-09-01 00:00Z');
            insert into app.attendance (institution_id, student_id, course_id, academic_session_id, attended_on, status)
                values (pg_temp.id(1), pg_temp.id(21), pg_temp.id(52), pg_temp.id(61), '2020-11-01', 'present');
            insert into app.programs (id, institution_id, department_id, code, name, degree, duration_years, total_credits)
                values (pg_temp.id(43), pg_temp.id(1), pg_temp.id(31), 'R', 'R', 'bachelor', 3, 180);
            insert into app.courses (institution_id, program_id, code, name, credits)
                select pg_temp.id(1), pg_temp.id(n), 'TWICE', 'T', 5 from unnest(array[41, 43]) as n;
            insert into app.course_offerings (institution_id, course_id, academic_session_id)
                select institution_id, id, pg_temp.id(61) from app.courses where code = 'TWICE'",
        )
        .await
        .unwrap();
    begin(&session, target).await;
    let values: Vec<&str> = lines.iter().map(|(values, _)| *values).collect();
    stage(&session, target, columns, &values).await;
    let bad: Vec<String> = lines
        .iter()
        .zip(2..)
        .filter(|((_, reason), _)| !reason.is_empty())
        .map(|((_, reason), line)| format!("{line} {reason}"))
        .collect();
    let (all, good) = (lines.len(), lines.len() - bad.len());
    let before = strings(&session, &format!("select count(*)::text from app.{target}")).await;
    let neither = format!("{all} {} 0", bad.len());
    assert_eq!(call(&session, "check_load", "").await, neither);
    assert_eq!(rejected(&session).await, bad);
    assert_eq!(call(&session, "merge_load", "").await, neither, "all or nothing");
    assert_eq!(strings(&session, &format!("select count(*)::text from app.{target}")).await, before);
    assert_eq!(call(&session, "merge_load", ", true").await, format!("{all} {} {good}", bad.len()));
    assert_eq!(rejected(&session).await, bad);
    let more = format!("select (count(*) - {})::text from app.{target}", before[0]);
    assert_eq!(strings(&session, &more).await, [good.to_string()]);
    let state = "select status || (finished_at is not null)::text from etl.load_runs";
    assert_eq!(strings(&session, state).await, ["loadedtrue"]);
    let told = "select message from app.audit_logs where action = 'import'";
    assert_eq!(
        strings(&session, told).await,
        [format!("{all} lines of file.csv, {} of them rejected", bad.len())]
    );
}

#[tokio::test]
async fn a_rejected_line_keeps_what_it_was() {
    let (_target, session) = world().await;
    begin(&session, "students").await;
    stage(&session, "students", STUDENTS, &["'n', '\"\\\t', null, 'x', null, null, null, null"]).await;
    call(&session, "check_load", "").await;
    let kept = "select (content::jsonb = jsonb_build_object('student_number', 'n', 'first_name', E'\"\\\\\\t',
            'middle_name', null, 'last_name', null, 'date_of_birth', 'x', 'gender', null, 'email', null, 'phone', null,
            'admitted_on', null, 'status', null))::text from etl.rejected_rows";
    assert_eq!(strings(&session, kept).await, ["true"]);
}

#[tokio::test]
async fn payments_get_receipts_by_line_and_rows_their_stamps() {
    let (_target, session) = world().await;
    begin(&session, "payments").await;
    let columns = "student_number, amount, method, status, paid_at";
    let line = |amount: u32| format!("'1', '{amount}', 'cash', 'paid', '2020-10-01'");
    let lines: Vec<String> = (1..=30).map(line).collect();
    stage(&session, "payments", columns, &lines.iter().map(String::as_str).collect::<Vec<_>>()).await;
    session.batch_execute(&format!("set \"app.current_user_id\" = '{}'", id(11))).await.unwrap();
    assert_eq!(call(&session, "merge_load", "").await, "30 0 30");
    let numbered =
        "select bool_and(receipt_number = amount and created_by = pg_temp.id(11))::text from app.payments";
    assert_eq!(strings(&session, numbered).await, ["true"]);
}

#[tokio::test]
async fn a_run_is_merged_once_and_its_file_too() {
    let (_target, session) = world().await;
    let merge = |run: u32| format!("select * from app.merge_load('{}')", id(run));
    assert_eq!(refused(&session, &merge(RUN)).await, SqlState::NO_DATA_FOUND.code());
    begin(&session, "students").await;
    assert_eq!(refused(&session, &merge(RUN)).await, SqlState::NO_DATA_FOUND.code(), "no lines");
    let line = "'n', 'Ada', 'L', '2000-01-01', '2020-01-01', null, null, null";
    stage(&session, "students", STUDENTS, &[line]).await;
    for code in ["null", "'nowhere'"] {
        session.batch_execute(&format!("update etl.load_runs set institution_code = {code}")).await.unwrap();
        assert_eq!(refused(&session, &merge(RUN)).await, SqlState::FOREIGN_KEY_VIOLATION.code());
    }
    session.batch_execute("update etl.load_runs set institution_code = 'A'").await.unwrap();
    assert_eq!(call(&session, "merge_load", "").await, "1 0 1");
    let state = SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE;
    assert_eq!(refused(&session, &merge(RUN)).await, state.code());
    let again = format!(
        "insert into etl.load_runs (id, target, source, institution_code, source_sha256)
            select '{0}', target, source, institution_code, source_sha256 from etl.load_runs;
        insert into etl.staging_students (load_run_id, line, student_number) values ('{0}', 1, 'm')",
        id(92)
    );
    session.batch_execute(&again).await.unwrap();
    assert_eq!(refused(&session, &merge(92)).await, SqlState::UNIQUE_VIOLATION.code(), "the same file");
}

#[tokio::test]
async fn who_may_only_load_writes_through_the_merge_alone() {
    let (target, session) = world().await;
    let engineer = engineer(&target, &session).await;
    begin(&engineer, "students").await;
    let line = "'n', 'Ada', 'L', '2000-01-01', '2020-01-01', null, null, null";
    stage(&engineer, "students", STUDENTS, &[line, "null, null, null, null, null, null, null, null"]).await;
    assert_eq!(call(&engineer, "check_load", "").await, "2 1 0");
    assert_eq!(rejected(&engineer).await.len(), 1);
    assert_eq!(call(&engineer, "merge_load", ", true").await, "2 1 1");
    for denied in [
        "insert into app.students (institution_id) values (null)",
        "select app.process_load(gen_random_uuid(), true, true)",
        "select * from app.judged_students(gen_random_uuid(), gen_random_uuid())",
    ] {
        let code = reason(&engineer.batch_execute(denied).await.unwrap_err());
        assert_eq!(code, SqlState::INSUFFICIENT_PRIVILEGE.code(), "{denied}");
    }
    let told = "select db_login from app.audit_logs where action = 'import'";
    assert_eq!(strings(&session, told).await, [format!("{}_loader", target.database)]);
}

/// A login that is a member of d_engineer and of nothing else.
async fn engineer(target: &Target, setup: &Session) -> Session {
    let login = format!("{}_loader", target.database);
    setup.batch_execute(&format!("create role {login} login; grant d_engineer to {login}")).await.unwrap();
    session(&target.with_user(login)).await
}

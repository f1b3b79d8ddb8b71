//! Two institutions with few rows in them, by ids that can be read.

use unisys_db::{Session, Target};

use crate::support::{GRANTS, migrated, session};

/// A row's id: `0000…00` and this.
pub(super) fn id(n: u32) -> String {
    format!("00000000-0000-4000-9000-{n:012}")
}

pub(super) const STAFF: u32 = 11;
pub(super) const ADA: u32 = 12;
pub(super) const STAFF_ELSEWHERE: u32 = 13;
pub(super) const ROOT: u32 = 14;

/// Institutions 1 and 2; users 11 to 14; students 21 (Ada, user 12) and 22 of the first, 23 of the second; department 31 and
/// 32, programme 41 and 42, courses 51 to 53 and 54, session 61 and 62, enrolments 71, 72 and 73 of the students.
const ROWS: &str = "
    create function pg_temp.id(n int) returns uuid language sql as $$
        select ('00000000-0000-4000-9000-' || to_char(n, 'FM000000000000'))::uuid $$;
    insert into app.institutions (id, code, name) values (pg_temp.id(1), 'A', 'A'), (pg_temp.id(2), 'B', 'B');
    insert into app.users (id, institution_id, username, email, first_name, last_name, is_staff, is_superuser, password_hash)
    values
        (pg_temp.id(11), pg_temp.id(1), 'staff', 'staff@a.test', 'Sam', 'Staff', true, false, '$argon2id$secret'),
        (pg_temp.id(12), pg_temp.id(1), 'ada', 'ada@a.test', 'Ada', 'Lovelace', false, false, '$argon2id$ada'),
        (pg_temp.id(13), pg_temp.id(2), 'elsewhere', 'staff@b.test', 'Eva', 'Else', true, false, null),
        (pg_temp.id(14), null, 'root', 'root@a.test', 'Ro', 'Ot', false, true, null);
    insert into app.students (id, institution_id, user_id, student_number, first_name, last_name, date_of_birth, admitted_on)
    values
        (pg_temp.id(21), pg_temp.id(1), pg_temp.id(12), '1', 'Ada', 'Lovelace', '2000-01-01', '2020-09-01'),
        (pg_temp.id(22), pg_temp.id(1), null, '2', 'Bob', 'Bell', '2000-01-01', '2020-09-01'),
        (pg_temp.id(23), pg_temp.id(2), null, '1', 'Carl', 'Carr', '2000-01-01', '2020-09-01');
    insert into app.faculties (id, institution_id, code, name)
        select pg_temp.id(24 + n), pg_temp.id(n), 'F', 'F' from generate_series(1, 2) as n;
    insert into app.departments (id, institution_id, faculty_id, code, name)
        select pg_temp.id(30 + n), pg_temp.id(n), pg_temp.id(24 + n), 'D', 'D' from generate_series(1, 2) as n;
    insert into app.programs (id, institution_id, department_id, code, name, degree, duration_years, total_credits)
        select pg_temp.id(40 + n), pg_temp.id(n), pg_temp.id(30 + n), 'P', 'P', 'bachelor', 3, 180
        from generate_series(1, 2) as n;
    insert into app.courses (id, institution_id, program_id, code, name, credits)
        select pg_temp.id(50 + n), pg_temp.id(n / 4 + 1), pg_temp.id(n / 4 + 41), 'C' || n, 'C', 5
        from generate_series(1, 4) as n;
    insert into app.academic_sessions (id, institution_id, code, name, start_date, end_date)
        select pg_temp.id(60 + n), pg_temp.id(n), 'S', 'S', '2020-09-01', '2021-01-31' from generate_series(1, 2) as n;
    insert into app.course_offerings (institution_id, course_id, academic_session_id, capacity)
        select c.institution_id, c.id, a.id, 1
        from app.courses as c join app.academic_sessions as a on a.institution_id = c.institution_id;
    insert into app.enrollments (id, institution_id, student_id, program_id, academic_session_id, enrollment_date)
        select pg_temp.id(50 + right(s.id::text, 2)::int), s.institution_id, s.id, p.id, a.id, '2020-09-01'
        from app.students as s join app.programs as p on p.institution_id = s.institution_id
        join app.academic_sessions as a on a.institution_id = s.institution_id;";

pub(super) async fn world() -> (Target, Session) {
    let target = migrated().await;
    let session = session(&target).await;
    session.batch_execute(ROWS).await.unwrap();
    session.batch_execute(GRANTS).await.unwrap();
    (target, session)
}

/// Runs `sql` as the web application does for `user`, and ends the transaction as asked. Returns the last result's first value.
pub(super) async fn acting(
    session: &Session,
    user: Option<u32>,
    sql: &str,
) -> Result<Option<String>, tokio_postgres::Error> {
    let who =
        user.map(|user| format!("set local \"app.current_user_id\" = '{}';", id(user))).unwrap_or_default();
    session.batch_execute(&format!("begin; set local role app_user; {who}")).await?;
    let result = session.simple_query(sql).await;
    session.batch_execute(if result.is_ok() { "commit" } else { "rollback" }).await?;
    let value = |message: &tokio_postgres::SimpleQueryMessage| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(Into::into),
        _ => None,
    };
    Ok(result?.iter().filter_map(value).last())
}

pub(super) async fn count(session: &Session, user: Option<u32>, table: &str) -> i64 {
    let query = format!("select count(*) from {table}");
    acting(session, user, &query).await.unwrap().unwrap().parse().unwrap()
}

/// Returns the constraint or the SQLSTATE a statement failed by.
pub(super) async fn refused(session: &Session, sql: &str) -> String {
    reason(&session.batch_execute(sql).await.unwrap_err())
}

pub(super) fn reason(error: &tokio_postgres::Error) -> String {
    let error = error.as_db_error().unwrap();
    error.constraint().map_or_else(|| error.code().code().to_owned(), Into::into)
}

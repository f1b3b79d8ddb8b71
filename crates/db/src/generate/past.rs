//! Students of before the years that are in use: what `app.archive_records` made of their records.

use super::records::{DAY, account, stamps};
use super::row::Rows;
use super::table::Table;
use super::world::{COURSES, Draw, INSTITUTIONS, PROGRAMS, World};

pub(crate) const ENROLLMENT: &str = "id, institution_id, student_id, program_id, academic_session_id, \
    enrollment_date, completion_date, status, grade_average, archived_at, created_at, updated_at, created_by";
pub(crate) const COURSE_ENROLLMENT: &str = "id, institution_id, student_id, enrollment_id, course_id, \
    academic_session_id, enrollment_date, status, grade, grade_points, archived_at, created_at, updated_at, created_by";
pub(crate) const PAYMENT: &str = "id, institution_id, student_id, enrollment_id, receipt_number, amount, currency, \
    method, status, payer_account, due_on, paid_at, archived_at, created_at, updated_at, created_by";
pub(crate) const ATTENDANCE: &str = "id, institution_id, student_id, course_id, academic_session_id, attended_on, \
    status, archived_at, created_at, updated_at, created_by";

/// The semesters of before, from autumn 2015; numbered after those in use.
pub(crate) const SESSIONS: [(i32, i32); 8] = [
    (16_679, 16_831),
    (16_846, 16_982),
    (17_045, 17_197),
    (17_212, 17_347),
    (17_410, 17_562),
    (17_577, 17_712),
    (17_775, 17_927),
    (17_942, 18_077), // 15 February to 30 June 2019
];

/// 1 September 2024, at night: five years after the last of these semesters.
const ARCHIVED: i64 = 19_967 * DAY + 2 * 3600;

const COURSES_EACH: u64 = 4;
const PAYMENTS_EACH: u64 = 3;
const MEETINGS_EACH: u64 = 8;

/// A student who is long gone: without account, without a row in the tables in use but the student's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alumnus {
    /// The semester of admission, an autumn.
    pub(crate) admitted: u64,
    pub(crate) status: &'static str,
    completed: i32,
}

impl Alumnus {
    pub(crate) fn start(&self) -> i32 {
        SESSIONS[self.admitted as usize].0
    }

    fn graduated(&self) -> bool {
        self.status == "graduated"
    }

    /// The semester of the `nth` course.
    fn semester(&self, nth: u64) -> u64 {
        if self.graduated() { self.admitted + nth } else { self.admitted }
    }
}

impl World {
    /// One student in 32, by number, so that a small university has some as well.
    pub(crate) fn alumnus(&self, student: u64) -> Option<Alumnus> {
        (student % 32 == 5).then(|| {
            let mut rng = self.draw(Draw::Past, student);
            let admitted = 2 * rng.below(2);
            if rng.chance(85) {
                let completed = SESSIONS[admitted as usize + 5].1;
                Alumnus { admitted, status: "graduated", completed }
            } else {
                let completed = SESSIONS[admitted as usize].0 + 100 + rng.below(50) as i32;
                Alumnus { admitted, status: "withdrawn", completed }
            }
        })
    }

    /// How many rows of an archive a student has.
    pub(crate) fn archived(&self, table: Table, student: u64) -> u64 {
        match (self.alumnus(student), table) {
            (None, _) => 0,
            (_, Table::ArchivedEnrollments) => 1,
            (_, Table::ArchivedCourseEnrollments) => COURSES_EACH,
            (_, Table::ArchivedPayments) => PAYMENTS_EACH,
            _ => MEETINGS_EACH,
        }
    }

    fn old_session(&self, institution: u64, semester: u64) -> super::row::Uuid {
        let old = SESSIONS.len() as u64;
        self.id(
            Table::Sessions,
            INSTITUTIONS * super::world::SESSIONS.len() as u64 + institution * old + semester,
        )
    }
}

/// Writes row `nth` of a student's in one of the archives.
pub(crate) fn archived(world: &World, table: Table, student: u64, nth: u64, rows: &mut Rows) {
    let Some(alumnus) = world.alumnus(student) else { return };
    let number = student * MEETINGS_EACH + nth;
    let mut rng = world.rng(table, number);
    let life = world.life(student);
    rows.uuid(world.id(table, number));
    rows.uuid(world.id(Table::Institutions, life.institution));
    rows.uuid(world.id(Table::Students, student));
    let enrollment = world.id(Table::ArchivedEnrollments, student * MEETINGS_EACH);
    let program = life.institution * PROGRAMS + life.program;
    let course = |nth: u64| world.id(Table::Courses, program * COURSES + (student + nth) % COURSES);
    let session = |nth: u64| world.old_session(life.institution, alumnus.semester(nth));
    let start = |nth: u64| SESSIONS[alumnus.semester(nth) as usize].0;
    let created = match table {
        Table::ArchivedEnrollments => {
            rows.uuid(world.id(Table::Programs, program));
            rows.uuid(session(0));
            rows.date(alumnus.start());
            rows.date(alumnus.completed);
            rows.text(if alumnus.graduated() { "completed" } else { "withdrawn" });
            if alumnus.graduated() {
                rows.hundredths(1000 + rng.below(1000));
            } else {
                rows.null();
            }
            alumnus.start() - 10
        }
        Table::ArchivedCourseEnrollments => {
            rows.uuid(enrollment);
            rows.uuid(course(nth));
            rows.uuid(session(nth));
            rows.date(start(nth));
            if alumnus.graduated() {
                let (grade, points) =
                    [("A", 400), ("B+", 330), ("B", 300), ("C", 200)][rng.below(4) as usize];
                rows.text("completed");
                rows.text(grade);
                rows.hundredths(points);
            } else {
                rows.text("dropped");
                rows.null();
                rows.null();
            }
            start(nth) - 5
        }
        Table::ArchivedPayments => {
            let day = start(nth) + rng.below(60) as i32;
            let method = rng.pick(&["card", "transfer", "transfer", "cash", "cheque"]);
            rows.uuid(enrollment);
            let receipt = rows.running(life.institution);
            rows.uint(receipt);
            rows.hundredths(5_000 + rng.below(900_000));
            rows.text("EUR");
            rows.text(method);
            rows.text(if rng.chance(95) { "paid" } else { "refunded" });
            account(method, &mut rng, rows);
            rows.date(day + 30);
            rows.moment(i64::from(day) * DAY + 9 * 3600 + rng.below(8 * 3600) as i64);
            day
        }
        _ => {
            let course_of = nth % COURSES_EACH;
            let day = start(course_of) + 7 * nth as i32 + rng.below(5) as i32;
            rows.uuid(course(course_of));
            rows.uuid(session(course_of));
            rows.date(day);
            rows.text(rng.pick(&["present", "present", "present", "absent", "excused"]));
            day
        }
    };
    rows.moment(ARCHIVED + number as i64 % 3600);
    stamps(world, &mut rng, i64::from(created) * DAY + 8 * 3600, 60, rows);
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn the_days_are_semesters_five_years_before_they_were_archived() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap().to_epoch_days();
        for (i, (start, end)) in SESSIONS.into_iter().enumerate() {
            let year = 2015 + i as i32 / 2;
            let expected = if i % 2 == 0 {
                (day(year, 9, 1), day(year + 1, 1, 31))
            } else {
                (day(year + 1, 2, 15), day(year + 1, 6, 30))
            };
            assert_eq!((start, end), expected, "session {i}");
        }
        assert_eq!(ARCHIVED / DAY, i64::from(day(2024, 9, 1)));
    }
}

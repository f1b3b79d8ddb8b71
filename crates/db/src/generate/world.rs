//! Which rows there are, and how they refer to each other: everything follows from the seed and a number.

use super::rng::Rng;
use super::row::{Rows, Uuid};
use super::table::Table;
use super::{campus, courses, imports, library, past, people, projects, records};

/// 20 November 2026 in days since 1970: "today" in the generated data.
pub(crate) const TODAY: i32 = 20_777;
pub(crate) const INSTITUTIONS: u64 = 3;
pub(crate) const PROGRAMS: u64 = 12;
pub(crate) const COURSES: u64 = 8;

/// First and last day of each semester, oldest first; the last one is running.
pub(crate) const SESSIONS: [(i32, i32); 9] = [
    (19_236, 19_388), // 1 September 2022 to 31 January 2023
    (19_403, 19_538), // 15 February to 30 June
    (19_601, 19_753),
    (19_768, 19_904),
    (19_967, 20_119),
    (20_134, 20_269),
    (20_332, 20_484),
    (20_499, 20_634),
    (20_697, 20_849), // 1 September 2026 to 31 January 2027
];
pub(crate) const CURRENT: u64 = 8;

/// What is drawn apart from a table's own columns, so that several tables agree on it.
#[derive(Clone, Copy)]
pub(crate) enum Draw {
    Account = 100,
    Life,
    Enrollments,
    Payments,
    Attendance,
    Courses,
    Copies,
    Loans,
    Past,
}

/// A course a student takes: which of the programme's, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) course: u64,
    pub(crate) session: u64,
}

/// How a student's studies went; several tables tell of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) institution: u64,
    /// The main programme, within the institution.
    pub(crate) program: u64,
    /// The semester of admission, always an autumn.
    pub(crate) admitted: u64,
    pub(crate) status: &'static str,
}

/// A university of a size, from a seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    seed: u64,
    pub(crate) students: u64,
}

impl World {
    pub(crate) fn new(students: u64, seed: u64) -> Self {
        Self { seed, students }
    }

    pub(crate) fn rng(&self, table: Table, number: u64) -> Rng {
        Rng::of(self.seed, table as u64, number)
    }

    pub(crate) fn draw(&self, what: Draw, number: u64) -> Rng {
        Rng::of(self.seed, what as u64, number)
    }

    pub(crate) fn id(&self, table: Table, number: u64) -> Uuid {
        let mut rng = Rng::of(self.seed, 1000 + table as u64, number);
        Uuid(rng.next(), rng.next())
    }

    /// Staff come first among the users, then one number per student, used or not.
    pub(crate) fn staff(&self) -> u64 {
        20 + self.students / 100
    }

    pub(crate) fn a_staff_id(&self, rng: &mut Rng) -> Uuid {
        self.id(Table::Users, rng.below(self.staff()))
    }

    /// One of the institution's staff.
    pub(crate) fn a_colleague(&self, institution: u64, rng: &mut Rng) -> Uuid {
        self.id(Table::Users, institution + INSTITUTIONS * rng.below(self.staff() / INSTITUTIONS))
    }

    /// One of the institution's students; none where there are too few.
    pub(crate) fn a_student(&self, institution: u64, rng: &mut Rng) -> Option<u64> {
        let each = self.students / INSTITUTIONS;
        (each > 0).then(|| institution + INSTITUTIONS * rng.below(each))
    }

    pub(crate) fn has_account(&self, student: u64) -> bool {
        self.alumnus(student).is_none() && self.draw(Draw::Account, student).chance(80)
    }

    pub(crate) fn life(&self, student: u64) -> Life {
        let mut rng = self.draw(Draw::Life, student);
        let status = match rng.below(100) {
            0..70 => "active",
            70..88 => "graduated",
            88..96 => "withdrawn",
            _ => "suspended",
        };
        // Who graduated began three years ago at least.
        let admitted = if status == "graduated" { 2 * rng.below(2) } else { 2 * rng.below(5) };
        Life { institution: student % INSTITUTIONS, program: rng.below(PROGRAMS), admitted, status }
    }

    pub(crate) fn enrollments(&self, student: u64) -> u64 {
        self.in_use(student, || 1 + u64::from(self.draw(Draw::Enrollments, student).chance(30)))
    }

    pub(crate) fn payments(&self, student: u64) -> u64 {
        self.in_use(student, || 1 + self.draw(Draw::Payments, student).below(5))
    }

    /// How many courses of the main programme a student takes.
    pub(crate) fn courses(&self, student: u64) -> u64 {
        self.in_use(student, || 2 + self.draw(Draw::Courses, student).below(3))
    }

    /// The records of who is long gone are in the archive, all of them.
    fn in_use(&self, student: u64, rows: impl Fn() -> u64) -> u64 {
        if self.alumnus(student).is_some() { 0 } else { rows() }
    }

    /// Who graduated took them within six semesters, who left in the first one.
    pub(crate) fn taken(&self, student: u64, nth: u64) -> Taken {
        let life = self.life(student);
        let mut rng = self.draw(Draw::Courses, student);
        rng.next(); // the one that says how many
        let first = rng.below(COURSES);
        let semesters = match life.status {
            "graduated" => 6,
            "withdrawn" => 1,
            _ => CURRENT + 1 - life.admitted,
        };
        let spread = (rng.below(semesters) + nth * 2) % semesters;
        Taken { course: (first + nth) % COURSES, session: life.admitted + spread }
    }

    /// One meeting a week: a course of the running semester had eleven at most.
    pub(crate) fn attendance(&self, student: u64) -> u64 {
        let mut rng = self.draw(Draw::Attendance, student);
        let meetings =
            if self.past_courses(student).next().is_none() { 6 + rng.below(6) } else { 6 + rng.below(10) };
        self.in_use(student, || meetings)
    }

    /// The courses a student took in semesters that are over.
    pub(crate) fn past_courses(&self, student: u64) -> impl Iterator<Item = Taken> {
        (0..self.courses(student))
            .map(move |nth| self.taken(student, nth))
            .filter(|taken| taken.session < CURRENT)
    }

    pub(crate) fn items(&self) -> u64 {
        40 + self.students / 20
    }

    pub(crate) fn copies(&self, item: u64) -> u64 {
        1 + self.draw(Draw::Copies, item).below(library::COPIES)
    }

    fn loans(&self, copy: u64) -> u64 {
        let (item, nth) = (copy / library::COPIES, copy % library::COPIES);
        if nth < self.copies(item) { self.draw(Draw::Loans, copy).below(library::LOANS + 1) } else { 0 }
    }

    pub(crate) fn projects(&self) -> u64 {
        3 + self.students / 100
    }

    /// How many units a table is written in; a unit is an institution, a user number, a programme, … or a student.
    pub(crate) fn units(&self, table: Table) -> u64 {
        let sessions = (SESSIONS.len() + past::SESSIONS.len()) as u64;
        match table {
            Table::Institutions => INSTITUTIONS,
            Table::Users | Table::UserRoles => self.staff() + self.students,
            Table::SignIns => 5 + self.students / 50,
            Table::Faculties => INSTITUTIONS * campus::FACULTIES,
            Table::Departments | Table::Programs => INSTITUTIONS * PROGRAMS,
            Table::Courses | Table::Prerequisites => INSTITUTIONS * PROGRAMS * COURSES,
            Table::Sessions => INSTITUTIONS * sessions,
            Table::Offerings => INSTITUTIONS * PROGRAMS * COURSES * sessions,
            Table::Items | Table::Copies => self.items(),
            Table::Loans => self.items() * library::COPIES,
            Table::Projects | Table::Members | Table::Milestones => self.projects(),
            Table::Reports => projects::REPORTS,
            Table::ReportRuns => 10 + self.students / 200,
            Table::Students
            | Table::Enrollments
            | Table::CourseEnrollments
            | Table::Payments
            | Table::Attendance
            | Table::ArchivedEnrollments
            | Table::ArchivedCourseEnrollments
            | Table::ArchivedPayments
            | Table::ArchivedAttendance => self.students,
            Table::LoadRuns => imports::RUNS,
            Table::RejectedRows => imports::REJECTS,
            // All lines of a kind are one unit.
            Table::StagingStudents
            | Table::StagingCourses
            | Table::StagingPayments
            | Table::StagingAttendance => 1,
        }
    }

    /// Returns how many rows a unit has.
    pub(crate) fn rows_of(&self, table: Table, unit: u64) -> u64 {
        match table {
            Table::Users | Table::UserRoles if unit >= self.staff() => {
                u64::from(self.has_account(unit - self.staff()))
            }
            Table::Enrollments => self.enrollments(unit),
            Table::CourseEnrollments => self.courses(unit),
            Table::Payments => self.payments(unit),
            Table::Attendance => self.attendance(unit),
            Table::Prerequisites => u64::from(!unit.is_multiple_of(COURSES)),
            Table::Copies => self.copies(unit),
            Table::Loans => self.loans(unit),
            Table::Members => projects::members(self, unit),
            Table::Milestones => projects::MILESTONES,
            Table::ArchivedEnrollments
            | Table::ArchivedCourseEnrollments
            | Table::ArchivedPayments
            | Table::ArchivedAttendance => self.archived(table, unit),
            _ if table.is_staging() => imports::staged(self, table),
            _ => 1,
        }
    }

    pub(crate) fn rows(&self, table: Table) -> u64 {
        (0..self.units(table)).map(|unit| self.rows_of(table, unit)).sum()
    }

    /// Writes the rows of a unit and returns how many they are.
    pub(crate) fn write(&self, table: Table, unit: u64, rows: &mut Rows) -> u64 {
        let count = self.rows_of(table, unit);
        if table.is_staging() {
            imports::stage(self, table, rows);
            return count;
        }
        for nth in 0..count {
            match table {
                Table::Institutions => people::institution(self, unit, rows),
                Table::Users => people::user(self, unit, rows),
                Table::UserRoles => campus::user_role(self, unit, rows),
                Table::SignIns => campus::sign_in(self, unit, rows),
                Table::Faculties => campus::faculty(self, unit, rows),
                Table::Departments => campus::department(self, unit, rows),
                Table::Programs => courses::program(self, unit, rows),
                Table::Courses => courses::course(self, unit, rows),
                Table::Prerequisites => courses::prerequisite(self, unit, rows),
                Table::Sessions => courses::session(self, unit, rows),
                Table::Offerings => courses::offering(self, unit, rows),
                Table::Students => people::student(self, unit, rows),
                Table::Enrollments => records::enrollment(self, unit, nth, rows),
                Table::CourseEnrollments => courses::course_enrollment(self, unit, nth, rows),
                Table::Payments => records::payment(self, unit, nth, rows),
                Table::Attendance => records::attendance(self, unit, nth, rows),
                Table::Items => library::item(self, unit, rows),
                Table::Copies => library::copy(self, unit, nth, rows),
                Table::Loans => library::loan(self, unit, nth, rows),
                Table::Projects => projects::project(self, unit, rows),
                Table::Members => projects::member(self, unit, nth, rows),
                Table::Milestones => projects::milestone(self, unit, nth, rows),
                Table::Reports => projects::report(self, unit, rows),
                Table::ReportRuns => projects::report_run(self, unit, rows),
                Table::ArchivedEnrollments
                | Table::ArchivedCourseEnrollments
                | Table::ArchivedPayments
                | Table::ArchivedAttendance => past::archived(self, table, unit, nth, rows),
                Table::LoadRuns => imports::run(self, unit, rows),
                Table::RejectedRows => imports::rejected(self, unit, rows),
                Table::StagingStudents
                | Table::StagingCourses
                | Table::StagingPayments
                | Table::StagingAttendance => {}
            }
            rows.end();
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn the_days_are_the_dates_the_comments_name() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap().to_epoch_days();
        assert_eq!(TODAY, day(2026, 11, 20));
        for (i, (start, end)) in SESSIONS.into_iter().enumerate() {
            let year = 2022 + i as i32 / 2;
            let expected = if i % 2 == 0 {
                (day(year, 9, 1), day(year + 1, 1, 31))
            } else {
                (day(year + 1, 2, 15), day(year + 1, 6, 30))
            };
            assert_eq!((start, end), expected, "session {i}");
        }
    }

    #[test]
    fn a_million_ids_are_a_million() {
        let world = World::new(1, 7);
        let mut ids: Vec<_> = (0..1_000_000)
            .map(|n| world.id(Table::Attendance, n))
            .map(|id| (id.0 & !0xf000, id.1 & !(0b11 << 62)))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 1_000_000);
    }

    #[test]
    fn a_student_has_about_three_payments_and_ten_attendances() {
        let world = World::new(10_000, 1);
        assert!((12_300..12_900).contains(&world.rows(Table::Enrollments)));
        assert!((28_500..29_600).contains(&world.rows(Table::Payments)));
        assert!((94_000..104_000).contains(&world.rows(Table::Attendance)));
        assert!((300..320).contains(&world.rows(Table::ArchivedEnrollments)));
    }
}

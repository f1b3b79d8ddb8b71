//! Which rows there are, and how they refer to each other: everything follows from the seed and a number.

use super::rng::Rng;
use super::row::{Rows, Uuid};
use super::{courses, people, records};
use crate::TableName;

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

/// A generated table, in the order of loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Institutions,
    Users,
    Programs,
    Courses,
    Sessions,
    Students,
    Enrollments,
    Payments,
    Attendance,
}

impl Table {
    pub(crate) const ALL: [Self; 9] = [
        Self::Institutions,
        Self::Users,
        Self::Programs,
        Self::Courses,
        Self::Sessions,
        Self::Students,
        Self::Enrollments,
        Self::Payments,
        Self::Attendance,
    ];

    pub(crate) fn name(self) -> TableName {
        TableName::new(
            "app",
            match self {
                Self::Institutions => "institutions",
                Self::Users => "users",
                Self::Programs => "programs",
                Self::Courses => "courses",
                Self::Sessions => "academic_sessions",
                Self::Students => "students",
                Self::Enrollments => "enrollments",
                Self::Payments => "payments",
                Self::Attendance => "attendance",
            },
        )
    }

    /// The columns written, in order. The others keep their default.
    pub(crate) fn columns(self) -> &'static str {
        match self {
            Self::Institutions => people::INSTITUTION,
            Self::Users => people::USER,
            Self::Programs => courses::PROGRAM,
            Self::Courses => courses::COURSE,
            Self::Sessions => courses::SESSION,
            Self::Students => people::STUDENT,
            Self::Enrollments => records::ENROLLMENT,
            Self::Payments => records::PAYMENT,
            Self::Attendance => records::ATTENDANCE,
        }
    }
}

/// What is drawn apart from a table's own columns, so that several tables agree on it.
#[derive(Clone, Copy)]
enum Draw {
    Account = 100,
    Life,
    Enrollments,
    Payments,
    Attendance,
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

    fn draw(&self, what: Draw, number: u64) -> Rng {
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

    pub(crate) fn has_account(&self, student: u64) -> bool {
        self.draw(Draw::Account, student).chance(80)
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
        1 + u64::from(self.draw(Draw::Enrollments, student).chance(30))
    }

    pub(crate) fn payments(&self, student: u64) -> u64 {
        1 + self.draw(Draw::Payments, student).below(5)
    }

    pub(crate) fn attendance(&self, student: u64) -> u64 {
        let mut rng = self.draw(Draw::Attendance, student);
        // One meeting a week: who came this autumn had eleven at most.
        if self.life(student).admitted == CURRENT { 6 + rng.below(6) } else { 6 + rng.below(10) }
    }

    /// How many units a table is written in; a unit is an institution, a user number, a programme, … or a student.
    pub(crate) fn units(&self, table: Table) -> u64 {
        match table {
            Table::Institutions => INSTITUTIONS,
            Table::Users => self.staff() + self.students,
            Table::Programs => INSTITUTIONS * PROGRAMS,
            Table::Courses => INSTITUTIONS * PROGRAMS * COURSES,
            Table::Sessions => INSTITUTIONS * SESSIONS.len() as u64,
            Table::Students | Table::Enrollments | Table::Payments | Table::Attendance => self.students,
        }
    }

    /// Returns how many rows a unit has.
    pub(crate) fn rows_of(&self, table: Table, unit: u64) -> u64 {
        match table {
            Table::Users if unit >= self.staff() => u64::from(self.has_account(unit - self.staff())),
            Table::Enrollments => self.enrollments(unit),
            Table::Payments => self.payments(unit),
            Table::Attendance => self.attendance(unit),
            _ => 1,
        }
    }

    pub(crate) fn rows(&self, table: Table) -> u64 {
        (0..self.units(table)).map(|unit| self.rows_of(table, unit)).sum()
    }

    /// Writes the rows of a unit and returns how many they are.
    pub(crate) fn write(&self, table: Table, unit: u64, rows: &mut Rows) -> u64 {
        let count = self.rows_of(table, unit);
        for nth in 0..count {
            match table {
                Table::Institutions => people::institution(self, unit, rows),
                Table::Users => people::user(self, unit, rows),
                Table::Programs => courses::program(self, unit, rows),
                Table::Courses => courses::course(self, unit, rows),
                Table::Sessions => courses::session(self, unit, rows),
                Table::Students => people::student(self, unit, rows),
                Table::Enrollments => records::enrollment(self, unit, nth, rows),
                Table::Payments => records::payment(self, unit, nth, rows),
                Table::Attendance => records::attendance(self, unit, nth, rows),
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
        assert!((12_500..13_500).contains(&world.rows(Table::Enrollments)));
        assert!((29_000..31_000).contains(&world.rows(Table::Payments)));
        assert!((97_000..107_000).contains(&world.rows(Table::Attendance)));
    }
}

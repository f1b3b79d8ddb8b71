//! Programmes, courses, semesters.

use super::past;
use super::records::{ENROLLMENTS, stamps};
use super::rng::Rng;
use super::row::Rows;
use super::table::Table;
use super::words::{self, push_number};
use super::world::{COURSES, CURRENT, INSTITUTIONS, PROGRAMS, SESSIONS, World};

pub(crate) const PROGRAM: &str = "id, institution_id, department_id, code, name, description, degree, duration_years, \
    total_credits, tuition_fee, created_at, updated_at";
pub(crate) const COURSE: &str = "id, institution_id, program_id, code, name, description, credits, hours_per_week, \
    is_core, created_at, updated_at, created_by";
pub(crate) const PREREQUISITE: &str = "institution_id, course_id, prerequisite_id, created_at";
pub(crate) const OFFERING: &str = "institution_id, course_id, academic_session_id, lecturer_id, room, capacity, \
    created_at, updated_at";
pub(crate) const COURSE_ENROLLMENT: &str = "id, institution_id, student_id, enrollment_id, course_id, \
    academic_session_id, enrollment_date, status, grade, grade_points, created_at, updated_at, created_by";
pub(crate) const SESSION: &str =
    "id, institution_id, code, name, start_date, end_date, is_current, created_at, updated_at";

/// Code and name of each programme, and of the department that teaches it.
pub(crate) const SUBJECTS: [(&str, &str); PROGRAMS as usize] = [
    ("CS", "Computer Science"),
    ("MATH", "Mathematics"),
    ("LAW", "Law"),
    ("MED", "Medicine"),
    ("HIST", "History of Art & Architecture"),
    ("BIO", "Biology"),
    ("CHEM", "Chimie appliquée"),
    ("ECON", "Economics"),
    ("PHIL", "Φιλοσοφία"),
    ("LING", "Лінгвістика"),
    ("CIV", "Civil Engineering"),
    ("EDU", "Education"),
];

const TOPICS: [&str; COURSES as usize] =
    ["Foundations", "Methods", "Practice I", "Practice II", "Theory", "Seminar", "Project", "Thesis"];

pub(crate) fn before_everything() -> i64 {
    i64::from(SESSIONS[0].0 - 365) * 86_400
}

pub(crate) fn program(world: &World, n: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::Programs, n);
    let (code, name) = SUBJECTS[(n % PROGRAMS) as usize];
    let (degree, years) = [("bachelor", 3), ("master", 2), ("diploma", 4)][(n % 3) as usize];
    rows.uuid(world.id(Table::Programs, n));
    rows.uuid(world.id(Table::Institutions, n / PROGRAMS));
    rows.uuid(world.id(Table::Departments, n));
    rows.text(code);
    rows.text(name);
    if rng.chance(80) {
        let mut text = String::new();
        let count = 1 + rng.below(6);
        words::sentences(&mut rng, count, &mut text);
        rows.text(&text);
    } else {
        rows.null();
    }
    rows.text(degree);
    rows.uint(years);
    rows.uint(years * 60);
    rows.hundredths(rng.below(1_500_000));
    rows.moment(before_everything());
    rows.moment(before_everything());
}

/// What a course is: a file to import says the same of it.
pub(crate) struct Course {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) credits: u64,
    pub(crate) hours: Option<u64>,
    pub(crate) is_core: bool,
}

impl Course {
    pub(crate) fn of(n: u64, rng: &mut Rng) -> Self {
        let (program, topic) = (n / COURSES, n % COURSES);
        let (code, subject) = SUBJECTS[(program % PROGRAMS) as usize];
        Self {
            code: format!("{code}{}", 101 + topic),
            name: format!("{subject}: {}", TOPICS[topic as usize]),
            credits: 3 + rng.below(10),
            hours: rng.chance(90).then(|| 2 + rng.below(6)),
            is_core: topic < 5,
        }
    }
}

pub(crate) fn course(world: &World, n: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::Courses, n);
    let course = Course::of(n, &mut rng);
    rows.uuid(world.id(Table::Courses, n));
    rows.uuid(world.id(Table::Institutions, n / COURSES / PROGRAMS));
    rows.uuid(world.id(Table::Programs, n / COURSES));
    rows.text(&course.code);
    rows.text(&course.name);
    rows.null();
    rows.uint(course.credits);
    match course.hours {
        Some(hours) => rows.uint(hours),
        None => rows.null(),
    }
    rows.bool(course.is_core);
    rows.moment(before_everything());
    rows.moment(before_everything());
    let by = world.a_staff_id(&mut rng);
    rows.uuid(by);
}

/// The code of a semester that is in use.
pub(crate) fn session_code(nth: u64) -> String {
    code_of(2022, nth)
}

fn code_of(first: u64, nth: u64) -> String {
    format!("{}{}", first + nth / 2, if nth.is_multiple_of(2) { "A" } else { "S" })
}

/// Session `n`: those of an institution lie side by side; after those in use come the ones of before.
pub(crate) fn session(world: &World, n: u64, rows: &mut Rows) {
    let in_use = INSTITUTIONS * SESSIONS.len() as u64;
    let (first, sessions, number) = match n.checked_sub(in_use) {
        None => (2022, &SESSIONS[..], n),
        Some(number) => (2015, &past::SESSIONS[..], number),
    };
    let (institution, nth) = (number / sessions.len() as u64, number % sessions.len() as u64);
    let (start, end) = sessions[nth as usize];
    let code = code_of(first, nth);
    let mut name = String::from(if nth.is_multiple_of(2) { "Autumn " } else { "Spring " });
    push_number(&mut name, first + nth / 2 + nth % 2, 4);
    rows.uuid(world.id(Table::Sessions, n));
    rows.uuid(world.id(Table::Institutions, institution));
    rows.text(&code);
    rows.text(&name);
    rows.date(start);
    rows.date(end);
    rows.bool(n < in_use && nth == CURRENT);
    rows.moment(before_everything());
    rows.moment(before_everything());
}

/// Each course of a programme comes after the one before it: never a circle.
pub(crate) fn prerequisite(world: &World, n: u64, rows: &mut Rows) {
    rows.uuid(world.id(Table::Institutions, n / COURSES / PROGRAMS));
    rows.uuid(world.id(Table::Courses, n));
    rows.uuid(world.id(Table::Courses, n - 1));
    rows.moment(before_everything());
}

/// Every course in every session. The places taken are counted when all is loaded.
pub(crate) fn offering(world: &World, n: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::Offerings, n);
    let courses = INSTITUTIONS * PROGRAMS * COURSES;
    let in_use = SESSIONS.len() as u64;
    let (sessions, before, number) = match n.checked_sub(courses * in_use) {
        None => (in_use, 0, n),
        Some(number) => (past::SESSIONS.len() as u64, INSTITUTIONS * in_use, number),
    };
    let (course, session) = (number / sessions, number % sessions);
    let institution = course / COURSES / PROGRAMS;
    rows.uuid(world.id(Table::Institutions, institution));
    rows.uuid(world.id(Table::Courses, course));
    rows.uuid(world.id(Table::Sessions, before + institution * sessions + session));
    rows.uuid(world.a_colleague(institution, &mut rng));
    let mut room = String::from("B");
    push_number(&mut room, 100 + rng.below(400), 3);
    rows.maybe_text(rng.chance(80).then_some(&room));
    if rng.chance(40) {
        rows.uint(20 + 10 * rng.below(20));
    } else {
        rows.null();
    }
    rows.moment(before_everything());
    rows.moment(before_everything());
}

pub(crate) fn course_enrollment(world: &World, student: u64, nth: u64, rows: &mut Rows) {
    const GRADES: [(&str, u64); 9] = [
        ("A+", 430),
        ("A", 400),
        ("A-", 370),
        ("B+", 330),
        ("B", 300),
        ("B-", 270),
        ("C", 200),
        ("D", 100),
        ("E", 50),
    ];
    let number = student * COURSES + nth;
    let mut rng = world.rng(Table::CourseEnrollments, number);
    let life = world.life(student);
    let taken = world.taken(student, nth);
    let start = SESSIONS[taken.session as usize].0;
    rows.uuid(world.id(Table::CourseEnrollments, number));
    rows.uuid(world.id(Table::Institutions, life.institution));
    rows.uuid(world.id(Table::Students, student));
    rows.uuid(world.id(Table::Enrollments, student * ENROLLMENTS));
    rows.uuid(
        world.id(Table::Courses, (life.institution * PROGRAMS + life.program) * COURSES + taken.course),
    );
    rows.uuid(world.id(Table::Sessions, life.institution * SESSIONS.len() as u64 + taken.session));
    rows.date(start);
    match rng.below(100) {
        0..6 => ungraded("dropped", rows),
        _ if taken.session == CURRENT => ungraded("enrolled", rows),
        6..16 => {
            rows.text("failed");
            rows.text("F");
            rows.hundredths(0);
        }
        _ => {
            let (grade, points) = GRADES[rng.below(9) as usize];
            rows.text("completed");
            rows.text(grade);
            rows.hundredths(points);
        }
    }
    stamps(world, &mut rng, i64::from(start - 5) * 86_400, 60, rows);
}

fn ungraded(status: &str, rows: &mut Rows) {
    rows.text(status);
    rows.null();
    rows.null();
}

//! Programmes, courses, semesters.

use super::records::{ENROLLMENTS, stamps};
use super::row::Rows;
use super::words::{self, push_number};
use super::world::{COURSES, CURRENT, PROGRAMS, SESSIONS, Table, World};

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

pub(crate) fn course(world: &World, n: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::Courses, n);
    let (program, topic) = (n / COURSES, n % COURSES);
    let (code, subject) = SUBJECTS[(program % PROGRAMS) as usize];
    let mut text = String::from(code);
    push_number(&mut text, 101 + topic, 3);
    rows.uuid(world.id(Table::Courses, n));
    rows.uuid(world.id(Table::Institutions, program / PROGRAMS));
    rows.uuid(world.id(Table::Programs, program));
    rows.text(&text);
    text.clear();
    text.push_str(subject);
    text.push_str(": ");
    text.push_str(TOPICS[topic as usize]);
    rows.text(&text);
    rows.null();
    rows.uint(3 + rng.below(10));
    if rng.chance(90) {
        rows.uint(2 + rng.below(6));
    } else {
        rows.null();
    }
    rows.bool(topic < 5);
    rows.moment(before_everything());
    rows.moment(before_everything());
    let by = world.a_staff_id(&mut rng);
    rows.uuid(by);
}

/// Session `n`: those of an institution lie side by side.
pub(crate) fn session(world: &World, n: u64, rows: &mut Rows) {
    let (institution, nth) = (n / SESSIONS.len() as u64, n % SESSIONS.len() as u64);
    let (start, end) = SESSIONS[nth as usize];
    let mut code = String::new();
    push_number(&mut code, 2022 + nth / 2, 4);
    code.push_str(if nth % 2 == 0 { "A" } else { "S" });
    let mut name = String::from(if nth % 2 == 0 { "Autumn " } else { "Spring " });
    push_number(&mut name, 2022 + nth / 2 + nth % 2, 4);
    rows.uuid(world.id(Table::Sessions, n));
    rows.uuid(world.id(Table::Institutions, institution));
    rows.text(&code);
    rows.text(&name);
    rows.date(start);
    rows.date(end);
    rows.bool(nth == CURRENT);
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
    let sessions = SESSIONS.len() as u64;
    let (course, session) = (n / sessions, n % sessions);
    let institution = course / COURSES / PROGRAMS;
    rows.uuid(world.id(Table::Institutions, institution));
    rows.uuid(world.id(Table::Courses, course));
    rows.uuid(world.id(Table::Sessions, institution * sessions + session));
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

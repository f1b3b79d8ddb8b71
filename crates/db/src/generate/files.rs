//! Files to import: their lines, as somebody's spreadsheet would write them.

use chrono::NaiveDate;

use super::courses::{Course, SUBJECTS, session_code};
use super::people::Student;
use super::records::{Meeting, Payment};
use super::table::Table;
use super::world::{COURSES, INSTITUTIONS, PROGRAMS, SESSIONS, World};

/// New lines of a checked file.
const NEW: u64 = 12;
/// A student nobody has.
const NOBODY: &str = "9999/0000000";

/// A file's columns, in order, with what stands in them.
pub(crate) type Line = Vec<(&'static str, Option<String>)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Students,
    Courses,
    Payments,
    Attendance,
}

impl Target {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Students => "students",
            Self::Courses => "courses",
            Self::Payments => "payments",
            Self::Attendance => "attendance",
        }
    }

    pub(crate) fn table(self) -> Table {
        match self {
            Self::Students => Table::StagingStudents,
            Self::Courses => Table::StagingCourses,
            Self::Payments => Table::StagingPayments,
            Self::Attendance => Table::StagingAttendance,
        }
    }

    /// What is wrong with the bad line.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Students => "date_of_birth is no day as YYYY-MM-DD: 31.02.2001",
            Self::Courses => "credits is no number from 1 to 60: 7,5",
            Self::Payments => "student_number is unknown: 9999/0000000; amount is no sum as 1234.50: 1,50",
            Self::Attendance => {
                "student_number is unknown: 9999/0000000; status is none of present, absent, late, excused: here"
            }
        }
    }
}

/// The first students of an institution who have records of their own in use.
fn students(world: &World, institution: u64) -> Vec<u64> {
    let wanted = 20 + world.students / 500;
    (0..world.students)
        .filter(|student| student % INSTITUTIONS == institution && world.alumnus(*student).is_none())
        .take(wanted as usize)
        .collect()
}

/// The lines of a file, the bad one last: of what is there already, or of what is new.
pub(crate) fn lines(world: &World, target: Target, loaded: bool) -> Vec<Line> {
    let mut lines: Vec<Line> = match (target, loaded) {
        (Target::Students, true) => students(world, 0).iter().map(|n| known_student(world, *n)).collect(),
        (Target::Students, false) => (1..=NEW).map(new_student).collect(),
        (Target::Courses, true) => (0..COURSES).map(|n| known_course(world, n)).collect(),
        (Target::Courses, false) => (1..=NEW).map(new_course).collect(),
        (Target::Payments, true) => students(world, 0).iter().map(|n| known_payment(world, *n)).collect(),
        (Target::Payments, false) => some(world).map(|n| new_payment(world, n)).collect(),
        (Target::Attendance, true) => students(world, 0).iter().map(|n| known_meeting(world, *n)).collect(),
        (Target::Attendance, false) => some(world).map(|n| new_meeting(world, n)).collect(),
    };
    lines.push(match target {
        Target::Students => {
            changed(new_student(0), &[("date_of_birth", Some("31.02.2001")), ("status", None)])
        }
        Target::Courses => changed(new_course(0), &[("credits", Some("7,5"))]),
        Target::Payments => payment_line(NOBODY, "1,50".into(), "cash", "pending", None, None),
        Target::Attendance => {
            meeting_line(NOBODY, "CS101", &session_code(0), day(SESSIONS[0].0), "here", None, None)
        }
    });
    lines
}

fn some(world: &World) -> impl Iterator<Item = u64> {
    students(world, 1).into_iter().take(NEW as usize)
}

/// A line with other values in some of its columns.
fn changed(mut line: Line, changes: &[(&str, Option<&str>)]) -> Line {
    for (name, value) in &mut line {
        if let Some((_, other)) = changes.iter().find(|(changed, _)| changed == name) {
            *value = other.map(str::to_owned);
        }
    }
    line
}

fn known_student(world: &World, n: u64) -> Line {
    let student = Student::of(world, n, &mut world.rng(Table::Students, n));
    let who = student.who;
    let text = |text: &str| Some(text.to_owned());
    vec![
        ("student_number", Some(student.number)),
        ("first_name", text(who.first)),
        ("middle_name", who.middle.map(str::to_owned)),
        ("last_name", text(who.last)),
        ("date_of_birth", Some(day(student.born))),
        ("gender", who.gender.map(str::to_owned)),
        ("email", student.email),
        ("phone", student.phone),
        ("admitted_on", Some(day(student.admitted))),
        ("status", text(student.status)),
    ]
}

fn new_student(n: u64) -> Line {
    vec![
        ("student_number", Some(format!("2026/X{n:04}"))),
        ("first_name", Some("Nouvelle".into())),
        ("middle_name", None),
        ("last_name", Some(format!("Étudiante {n}"))),
        ("date_of_birth", Some(format!("2004-05-{:02}", n + 1))),
        ("gender", Some("female".into())),
        ("email", Some(format!("x{n:04}@students.example.edu"))),
        ("phone", None),
        ("admitted_on", Some(day(SESSIONS[8].0))),
        ("status", Some("applicant".into())),
    ]
}

fn known_course(world: &World, n: u64) -> Line {
    let course = Course::of(n, &mut world.rng(Table::Courses, n));
    vec![
        ("program_code", Some(SUBJECTS[(n / COURSES % PROGRAMS) as usize].0.into())),
        ("code", Some(course.code)),
        ("name", Some(course.name)),
        ("credits", Some(course.credits.to_string())),
        ("hours_per_week", course.hours.map(|hours| hours.to_string())),
        ("is_core", Some(if course.is_core { "yes" } else { "no" }.into())),
    ]
}

fn new_course(n: u64) -> Line {
    vec![
        ("program_code", Some(SUBJECTS[(n % PROGRAMS) as usize].0.into())),
        ("code", Some(format!("NEW{}", 900 + n))),
        ("name", Some(format!("New course {n}"))),
        ("credits", Some("6".into())),
        ("hours_per_week", None),
        ("is_core", Some("no".into())),
    ]
}

fn number_of(world: &World, student: u64) -> String {
    Student::of(world, student, &mut world.rng(Table::Students, student)).number
}

fn known_payment(world: &World, student: u64) -> Line {
    let (payment, _) = Payment::of(world, student, 0);
    let amount = format!("{}.{:02}", payment.amount / 100, payment.amount % 100);
    let paid = payment.paid.map(moment);
    payment_line(
        &number_of(world, student),
        amount,
        payment.method,
        payment.status,
        paid,
        payment.description,
    )
}

fn new_payment(world: &World, student: u64) -> Line {
    let about = Some("Library card".to_owned());
    payment_line(&number_of(world, student), "12.50".into(), "card", "pending", None, about)
}

fn payment_line(
    student: &str,
    amount: String,
    method: &str,
    status: &str,
    paid: Option<String>,
    description: Option<String>,
) -> Line {
    vec![
        ("student_number", Some(student.into())),
        ("amount", Some(amount)),
        ("currency", Some("EUR".into())),
        ("method", Some(method.into())),
        ("status", Some(status.into())),
        ("paid_at", paid),
        ("description", description),
    ]
}

fn known_meeting(world: &World, student: u64) -> Line {
    let (meeting, _) = Meeting::of(world, student, 0);
    let course = Course::of(meeting.course, &mut world.rng(Table::Courses, meeting.course));
    meeting_line(
        &number_of(world, student),
        &course.code,
        &session_code(meeting.semester),
        day(meeting.day),
        meeting.status,
        meeting.late,
        meeting.remarks,
    )
}

/// On the sixth day of a week, where no generated meeting is.
fn new_meeting(world: &World, student: u64) -> Line {
    let number = number_of(world, student);
    meeting_line(&number, "CS101", &session_code(0), day(SESSIONS[0].0 + 5), "present", None, None)
}

fn meeting_line(
    student: &str,
    course: &str,
    session: &str,
    day: String,
    status: &str,
    late: Option<u64>,
    remarks: Option<String>,
) -> Line {
    vec![
        ("student_number", Some(student.into())),
        ("course_code", Some(course.into())),
        ("session_code", Some(session.into())),
        ("attended_on", Some(day)),
        ("status", Some(status.into())),
        ("minutes_late", late.map(|minutes| minutes.to_string())),
        ("remarks", remarks),
    ]
}

fn day(days: i32) -> String {
    NaiveDate::from_epoch_days(days).unwrap_or_default().to_string()
}

/// A moment, UTC, as a file of ours would write it.
fn moment(seconds: i64) -> String {
    let moment = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

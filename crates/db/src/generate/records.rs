//! What happens to a student: enrolments, payments, attendance.

use super::rng::Rng;
use super::row::Rows;
use super::table::Table;
use super::words;
use super::world::{COURSES, CURRENT, INSTITUTIONS, Life, PROGRAMS, SESSIONS, TODAY, Taken, World};

pub(crate) const ENROLLMENT: &str = "id, institution_id, student_id, program_id, academic_session_id, \
    enrollment_date, completion_date, status, grade_average, created_at, updated_at, created_by";
pub(crate) const PAYMENT: &str = "id, institution_id, student_id, enrollment_id, receipt_number, amount, method, \
    status, description, due_on, paid_at, created_at, updated_at, created_by, payer_account";
pub(crate) const ATTENDANCE: &str = "id, institution_id, student_id, course_id, academic_session_id, attended_on, \
    status, minutes_late, remarks, created_at, updated_at, created_by";

pub(crate) const DAY: i64 = 86_400;

// A student's rows are numbered with room for the most one can have.
pub(crate) const ENROLLMENTS: u64 = 2;
const PAYMENTS: u64 = 8;
const MEETINGS: u64 = 16;

/// The first is the main programme; a second one is another programme, so that two active ones never collide.
pub(crate) fn enrollment(world: &World, student: u64, nth: u64, rows: &mut Rows) {
    let number = student * ENROLLMENTS + nth;
    let mut rng = world.rng(Table::Enrollments, number);
    let life = world.life(student);
    let start = SESSIONS[life.admitted as usize].0;
    let program =
        if nth == 0 { life.program } else { (life.program + 1 + rng.below(PROGRAMS - 1)) % PROGRAMS };
    let status = match life.status {
        "graduated" => "completed",
        "active" if nth == 1 && rng.chance(40) => "withdrawn",
        other => other,
    };
    rows.uuid(world.id(Table::Enrollments, number));
    rows.uuid(world.id(Table::Institutions, life.institution));
    rows.uuid(world.id(Table::Students, student));
    rows.uuid(world.id(Table::Programs, life.institution * PROGRAMS + program));
    rows.uuid(session(world, life, life.admitted));
    rows.date(start);
    match status {
        "completed" => rows.date(SESSIONS[life.admitted as usize + 5].1),
        "withdrawn" => rows.date(start + rng.below((TODAY - start) as u64) as i32),
        _ => rows.null(),
    }
    rows.text(status);
    if life.admitted < CURRENT && rng.chance(90) {
        rows.hundredths(500 + rng.below(1500));
    } else {
        rows.null();
    }
    let created = i64::from(start - 10) * DAY + rng.below(10 * DAY as u64) as i64;
    stamps(world, &mut rng, created, 70, rows);
}

/// What a file to import says of a payment, too.
pub(crate) struct Payment {
    created: i64,
    is_tuition: bool,
    /// In hundredths.
    pub(crate) amount: u64,
    pub(crate) method: &'static str,
    pub(crate) status: &'static str,
    pub(crate) description: Option<String>,
    pub(crate) paid: Option<i64>,
}

impl Payment {
    pub(crate) fn of(world: &World, student: u64, nth: u64) -> (Self, Rng) {
        const METHODS: &[&str] = &["card", "card", "transfer", "transfer", "mobile", "cash", "cheque"];
        let mut rng = world.rng(Table::Payments, student * PAYMENTS + nth);
        let start = SESSIONS[world.life(student).admitted as usize].0;
        let created = i64::from(start) * DAY + rng.below((TODAY - start) as u64 * DAY as u64) as i64;
        let status = match rng.below(100) {
            0..88 => "paid",
            88..94 => "pending",
            94..97 => "failed",
            _ => "refunded",
        };
        let is_tuition = rng.chance(85);
        let amount = if is_tuition { 5_000 + rng.below(900_000) } else { 1 + rng.below(20_000) };
        let method = rng.pick(METHODS);
        let description = remark(&mut rng, 40);
        let paid = matches!(status, "paid" | "refunded").then(|| created + rng.below(600) as i64);
        (Self { created, is_tuition, amount, method, status, description, paid }, rng)
    }
}

pub(crate) fn payment(world: &World, student: u64, nth: u64, rows: &mut Rows) {
    let (payment, mut rng) = Payment::of(world, student, nth);
    let institution = student % INSTITUTIONS;
    rows.uuid(world.id(Table::Payments, student * PAYMENTS + nth));
    rows.uuid(world.id(Table::Institutions, institution));
    rows.uuid(world.id(Table::Students, student));
    rows.maybe_uuid(payment.is_tuition.then(|| world.id(Table::Enrollments, student * ENROLLMENTS)));
    let receipt = rows.running(institution);
    rows.uint(receipt);
    rows.hundredths(payment.amount);
    rows.text(payment.method);
    rows.text(payment.status);
    rows.maybe_text(payment.description.as_deref());
    if payment.is_tuition {
        rows.date(1 + payment.created.div_euclid(DAY) as i32 + 30);
    } else {
        rows.null();
    }
    match payment.paid {
        Some(paid) => rows.moment(paid),
        None => rows.null(),
    }
    stamps(world, &mut rng, payment.created, 50, rows);
    account(payment.method, &mut rng, rows);
}

/// The account a transfer came from: of a bank that does not exist, with a check that is wrong.
pub(crate) fn account(method: &str, rng: &mut Rng, rows: &mut Rows) {
    let account = (method == "transfer").then(|| format!("XX00{:018}", rng.below(1_000_000_000_000_000_000)));
    rows.sealed(account.as_ref(), rng);
}

/// What a file to import says of a meeting, too.
pub(crate) struct Meeting {
    pub(crate) course: u64,
    pub(crate) semester: u64,
    pub(crate) day: i32,
    pub(crate) status: &'static str,
    pub(crate) late: Option<u64>,
    pub(crate) remarks: Option<String>,
}

impl Meeting {
    /// One meeting a week at most, so that no two fall on one day of one course.
    pub(crate) fn of(world: &World, student: u64, nth: u64) -> (Self, Rng) {
        let mut rng = world.rng(Table::Attendance, student * MEETINGS + nth);
        let life = world.life(student);
        let taken = attended(world, &mut rng, student, nth);
        let day = SESSIONS[taken.session as usize].0 + 7 * nth as i32 + rng.below(5) as i32;
        let (status, late) = match rng.below(100) {
            0..80 => ("present", None),
            80..88 => ("late", Some(1 + rng.below(45))),
            88..96 => ("absent", None),
            _ => ("excused", None),
        };
        let course = (life.institution * PROGRAMS + life.program) * COURSES + taken.course;
        let remarks = remark(&mut rng, 8);
        (Self { course, semester: taken.session, day, status, late, remarks }, rng)
    }
}

pub(crate) fn attendance(world: &World, student: u64, nth: u64, rows: &mut Rows) {
    let (meeting, mut rng) = Meeting::of(world, student, nth);
    rows.uuid(world.id(Table::Attendance, student * MEETINGS + nth));
    rows.uuid(world.id(Table::Institutions, student % INSTITUTIONS));
    rows.uuid(world.id(Table::Students, student));
    rows.uuid(world.id(Table::Courses, meeting.course));
    rows.uuid(session(world, world.life(student), meeting.semester));
    rows.date(meeting.day);
    rows.plain(meeting.status.as_bytes());
    match meeting.late {
        Some(minutes) => rows.uint(minutes),
        None => rows.null(),
    }
    rows.maybe_text(meeting.remarks.as_deref());
    let created = i64::from(meeting.day) * DAY + 8 * 3600 + rng.below(8 * 3600) as i64;
    stamps(world, &mut rng, created, 60, rows);
}

/// One of the student's courses; the running semester is eleven weeks old.
fn attended(world: &World, rng: &mut Rng, student: u64, nth: u64) -> Taken {
    let past = world.past_courses(student).count() as u64;
    if nth >= 11 {
        let skip = rng.below(past.max(1)) as usize;
        if let Some(taken) = world.past_courses(student).nth(skip) {
            return taken;
        }
    }
    world.taken(student, rng.below(world.courses(student)))
}

fn session(world: &World, life: Life, semester: u64) -> super::row::Uuid {
    world.id(Table::Sessions, life.institution * SESSIONS.len() as u64 + semester)
}

fn remark(rng: &mut Rng, percent: u64) -> Option<String> {
    rng.chance(percent).then(|| {
        let mut text = String::with_capacity(200);
        let count = 1 + rng.below(2);
        words::sentences(rng, count, &mut text);
        text
    })
}

/// `created_at`, `updated_at`, `created_by`.
pub(crate) fn stamps(world: &World, rng: &mut Rng, created: i64, by_staff: u64, rows: &mut Rows) {
    rows.moment(created);
    rows.moment(if rng.chance(10) { created + rng.below(3 * DAY as u64) as i64 } else { created });
    let by = rng.chance(by_staff).then(|| world.a_staff_id(rng));
    rows.maybe_uuid(by);
}

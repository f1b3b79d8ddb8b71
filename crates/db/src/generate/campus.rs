//! Faculties, departments, roles of users, sessions of the web application.

use super::courses::{SUBJECTS, before_everything};
use super::row::Rows;
use super::table::Table;
use super::world::{INSTITUTIONS, PROGRAMS, TODAY, World};

pub(crate) const FACULTY: &str = "id, institution_id, code, name, created_at, updated_at";
pub(crate) const DEPARTMENT: &str =
    "id, institution_id, faculty_id, code, name, head_id, created_at, updated_at";
pub(crate) const USER_ROLE: &str = "user_id, role_id, created_at";
pub(crate) const SIGN_IN: &str =
    "id, user_id, token_hash, created_at, last_seen_at, expires_at, ip_address, user_agent";

pub(crate) const FACULTIES: u64 = 4;
const NAMES: [(&str, &str); FACULTIES as usize] = [
    ("SCI", "Science"),
    ("HUM", "Humanities"),
    ("LAW", "Law and Economics"),
    ("APP", "Medicine and Engineering"),
];

/// Which faculty each department belongs to, in the order of the subjects.
const FACULTY_OF: [u64; PROGRAMS as usize] = [0, 0, 2, 3, 1, 0, 0, 2, 1, 1, 3, 1];

pub(crate) fn faculty(world: &World, n: u64, rows: &mut Rows) {
    let (code, name) = NAMES[(n % FACULTIES) as usize];
    rows.uuid(world.id(Table::Faculties, n));
    rows.uuid(world.id(Table::Institutions, n / FACULTIES));
    rows.text(code);
    rows.text(name);
    rows.moment(before_everything());
    rows.moment(before_everything());
}

/// One for each programme, and called like it.
pub(crate) fn department(world: &World, n: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::Departments, n);
    let (institution, subject) = (n / PROGRAMS, n % PROGRAMS);
    let (code, name) = SUBJECTS[subject as usize];
    rows.uuid(world.id(Table::Departments, n));
    rows.uuid(world.id(Table::Institutions, institution));
    rows.uuid(world.id(Table::Faculties, institution * FACULTIES + FACULTY_OF[subject as usize]));
    rows.text(code);
    rows.text(name);
    let head = world.a_colleague(institution, &mut rng);
    rows.maybe_uuid(rng.chance(90).then_some(head));
    rows.moment(before_everything());
    rows.moment(before_everything());
}

/// One role each: the first of the staff of an institution run the system, one in ten keeps the library, the others teach.
pub(crate) fn user_role(world: &World, user: u64, rows: &mut Rows) {
    let role = match user.checked_sub(world.staff()) {
        Some(_) => "00000000-0000-4000-8000-000000000003",
        None if user < INSTITUTIONS => "00000000-0000-4000-8000-000000000001",
        None if user / INSTITUTIONS % 10 == 1 => "00000000-0000-4000-8000-000000000004",
        None => "00000000-0000-4000-8000-000000000002",
    };
    rows.uuid(world.id(Table::Users, user));
    rows.plain(role.as_bytes());
    rows.moment(before_everything());
}

pub(crate) fn sign_in(world: &World, n: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::SignIns, n);
    let institution = n % INSTITUTIONS;
    let student = world.a_student(institution, &mut rng).filter(|student| world.has_account(*student));
    let user = match student {
        Some(student) => world.id(Table::Users, world.staff() + student),
        None => world.a_colleague(institution, &mut rng),
    };
    let begun = i64::from(TODAY - 7) * 86_400 + rng.below(7 * 86_400) as i64;
    rows.uuid(world.id(Table::SignIns, n));
    rows.uuid(user);
    let token: [u64; 4] = std::array::from_fn(|_| rng.next());
    rows.bytes(&token);
    rows.moment(begun);
    rows.moment(begun + rng.below(3600) as i64);
    rows.moment(begun + 12 * 3600);
    rows.text("192.0.2.7");
    rows.text("Mozilla/5.0 (X11; Linux x86_64)");
}

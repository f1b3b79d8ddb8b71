//! Institutions, users, students.

use super::rng::Rng;
use super::row::Rows;
use super::table::Table;
use super::words::{self, Person, person, push_number};
use super::world::{INSTITUTIONS, SESSIONS, TODAY, World};

pub(crate) const INSTITUTION: &str =
    "id, code, name, kind, address, city, country, phone, email, website, created_at, updated_at";
pub(crate) const USER: &str = "id, institution_id, username, email, first_name, last_name, phone, is_active, \
    is_staff, last_login, date_joined, created_at, updated_at";
pub(crate) const STUDENT: &str = "id, institution_id, user_id, student_number, first_name, middle_name, last_name, \
    date_of_birth, gender, email, phone, address, city, country, postal_code, admitted_on, status, is_active, \
    profile, notes, created_at, updated_at, created_by, national_id";

const DAY: i64 = 86_400;

pub(crate) const UNIVERSITIES: [(&str, &str, &str, &str, Option<&str>); INSTITUTIONS as usize] = [
    ("UNI-W", "University of Westmarch", "university", "Galway", Some("IE")),
    ("IT-SUD", "Institut supérieur de technologie de l'Étang", "institute", "Besançon", Some("FR")),
    ("КНУ", "Київський навчальний університет", "college", "Київ", None),
];

pub(crate) fn institution(world: &World, n: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::Institutions, n);
    let (code, name, kind, city, country) = UNIVERSITIES[n as usize];
    rows.uuid(world.id(Table::Institutions, n));
    rows.text(code);
    rows.text(name);
    rows.text(kind);
    rows.text("Main building\n1 University Road");
    rows.text(city);
    rows.maybe_text(country);
    rows.text(&phone(&mut rng));
    rows.text("office@example.edu");
    rows.text("https://www.example.edu/");
    let created = i64::from(SESSIONS[0].0 - 400) * DAY;
    rows.moment(created);
    rows.moment(created);
}

/// User `n`: staff, or the account of a student, who is called the same there.
pub(crate) fn user(world: &World, n: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::Users, n);
    let student = n.checked_sub(world.staff());
    let who = match student {
        Some(student) => student_person(world, student),
        None => person(&mut rng),
    };
    let mut name = String::with_capacity(40);
    name.push_str(if student.is_some() { "s" } else { "staff" });
    push_number(&mut name, student.unwrap_or(n), 7);
    rows.uuid(world.id(Table::Users, n));
    rows.uuid(world.id(Table::Institutions, student.unwrap_or(n) % INSTITUTIONS));
    rows.text(&name);
    name.push_str("@example.edu");
    rows.text(&name);
    rows.text(who.first);
    rows.text(who.last);
    let phone = rng.chance(60).then(|| phone(&mut rng));
    rows.maybe_text(phone.as_deref());
    rows.bool(rng.chance(95));
    rows.bool(student.is_none());
    let joined = student.map_or(SESSIONS[0].0, |s| SESSIONS[world.life(s).admitted as usize].0 - 20);
    if rng.chance(70) {
        let since = (TODAY - joined) as u64;
        rows.moment(i64::from(joined) * DAY + rng.below(since * DAY as u64) as i64);
    } else {
        rows.null();
    }
    for _ in 0..3 {
        rows.moment(i64::from(joined) * DAY + 9 * 3600);
    }
}

/// The same person in `users` and in `students`.
fn student_person(world: &World, student: u64) -> Person {
    person(&mut world.rng(Table::Students, student))
}

/// What a file to import says of a student, too.
pub(crate) struct Student {
    pub(crate) number: String,
    pub(crate) who: Person,
    pub(crate) born: i32,
    pub(crate) admitted: i32,
    pub(crate) status: &'static str,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
}

impl Student {
    pub(crate) fn of(world: &World, n: u64, rng: &mut Rng) -> Self {
        let who = person(rng);
        let (year, admitted, status) = match world.alumnus(n) {
            Some(alumnus) => (2015 + alumnus.admitted / 2, alumnus.start(), alumnus.status),
            None => {
                let life = world.life(n);
                (2022 + life.admitted / 2, SESSIONS[life.admitted as usize].0, life.status)
            }
        };
        Self {
            number: format!("{year}/{n:07}"),
            who,
            born: admitted - 17 * 366 - rng.below(15 * 365) as i32,
            admitted,
            status,
            email: rng.chance(90).then(|| format!("s{n:07}@students.example.edu")),
            phone: rng.chance(70).then(|| phone(rng)),
        }
    }
}

pub(crate) fn student(world: &World, n: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::Students, n);
    let student = Student::of(world, n, &mut rng);
    let (who, admitted) = (student.who, student.admitted);
    let mut text = String::with_capacity(256);
    rows.uuid(world.id(Table::Students, n));
    rows.uuid(world.id(Table::Institutions, n % INSTITUTIONS));
    rows.maybe_uuid(world.has_account(n).then(|| world.id(Table::Users, world.staff() + n)));
    rows.text(&student.number);
    rows.text(who.first);
    rows.maybe_text(who.middle);
    rows.text(who.last);
    rows.date(student.born);
    rows.maybe_text(who.gender);
    rows.maybe_text(student.email.as_deref());
    rows.maybe_text(student.phone.as_deref());
    address(&mut rng, who, rows, &mut text);
    rows.date(admitted);
    rows.text(student.status);
    rows.bool(matches!(student.status, "active" | "suspended"));
    profile(&mut rng, who, &mut text);
    rows.text(&text);
    notes(&mut rng, rows, &mut text);
    let created = i64::from(admitted - 30) * DAY + rng.below(20 * DAY as u64) as i64;
    rows.moment(created);
    let later = if rng.chance(40) { rng.below(60 * DAY as u64) as i64 } else { 0 };
    rows.moment(created + later);
    let by = rng.chance(70).then(|| world.a_staff_id(&mut rng));
    rows.maybe_uuid(by);
    text.clear();
    text.push_str(who.country);
    push_number(&mut text, rng.below(1_000_000_000), 9);
    let known = rng.chance(85);
    rows.sealed(known.then_some(&text), &mut rng);
}

/// Address, town, country, post code.
fn address(rng: &mut Rng, who: Person, rows: &mut Rows, text: &mut String) {
    text.clear();
    push_number(text, 1 + rng.below(250), 1);
    text.push(' ');
    text.push_str(who.last);
    text.push_str(" Street");
    if rng.chance(20) {
        text.push_str("\nApartment ");
        push_number(text, 1 + rng.below(60), 1);
    }
    rows.maybe_text(rng.chance(85).then_some(text));
    rows.text(who.city);
    rows.text(who.country);
    text.clear();
    push_number(text, rng.below(100_000), 5);
    rows.maybe_text(rng.chance(80).then_some(text));
}

/// A JSON object. The names hold nothing that JSON would have to escape.
fn profile(rng: &mut Rng, who: Person, text: &mut String) {
    const LANGUAGES: &[&str] = &["en", "fr", "uk", "ar", "zh", "yo", "hi", "el", "ja", "he"];
    text.clear();
    text.push_str("{\"languages\": [\"");
    text.push_str(rng.pick(LANGUAGES));
    for _ in 0..rng.below(3) {
        text.push_str("\", \"");
        text.push_str(rng.pick(LANGUAGES));
    }
    text.push_str("\"], \"emergency_contact\": {\"name\": \"");
    text.push_str(who.last);
    text.push_str("\", \"phone\": \"");
    text.push_str(&phone(rng));
    text.push_str("\"}, \"scholarship\": ");
    if rng.chance(30) {
        push_number(text, rng.below(20_000), 1);
        text.push('.');
        push_number(text, rng.below(100), 2);
    } else {
        text.push_str("null");
    }
    text.push_str(if rng.chance(50) { ", \"photos\": true}" } else { ", \"photos\": false}" });
}

/// Mostly nothing or a line, sometimes pages: more than fits a row in place.
fn notes(rng: &mut Rng, rows: &mut Rows, text: &mut String) {
    let count = match rng.below(1000) {
        0..600 => return rows.null(),
        600..900 => 1 + rng.below(3),
        900..990 => 4 + rng.below(30),
        _ => 150 + rng.below(150),
    };
    text.clear();
    words::sentences(rng, count, text);
    rows.text(text);
}

fn phone(rng: &mut Rng) -> String {
    let mut text = String::with_capacity(20);
    text.push('+');
    push_number(&mut text, 20 + rng.below(70), 2);
    text.push(' ');
    push_number(&mut text, rng.below(1_000_000_000), 9);
    text
}

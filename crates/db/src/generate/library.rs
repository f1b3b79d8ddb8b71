//! The library: titles, copies, loans.

use super::row::Rows;
use super::table::Table;
use super::words::{person, push_number};
use super::world::{INSTITUTIONS, SESSIONS, TODAY, World};

pub(crate) const ITEM: &str =
    "id, institution_id, kind, title, author, isbn, published_year, subject, created_at, updated_at";
pub(crate) const COPY: &str =
    "id, institution_id, item_id, barcode, shelf, condition, created_at, updated_at";
pub(crate) const LOAN: &str = "id, institution_id, copy_id, student_id, user_id, lent_at, due_on, returned_at, renewals, \
    fine, created_at, updated_at";

/// The most copies of a title and loans of a copy.
pub(crate) const COPIES: u64 = 3;
pub(crate) const LOANS: u64 = 4;

const DAY: i64 = 86_400;
/// Loans of a copy lie in windows of so many days, one in each.
const WINDOW: i32 = 60;

const SUBJECTS: &[&str] =
    &["mathematics", "law", "medicine", "history", "biology", "economics", "philosophy", "computing"];

pub(crate) fn item(world: &World, n: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::Items, n);
    let author = person(&mut rng);
    let subject = rng.pick(SUBJECTS);
    let mut text = String::from("Introduction to ");
    text.push_str(subject);
    text.push_str(", volume ");
    push_number(&mut text, n + 1, 1);
    rows.uuid(world.id(Table::Items, n));
    rows.uuid(world.id(Table::Institutions, n % INSTITUTIONS));
    rows.text(rng.pick(&["book", "book", "book", "journal", "thesis", "map"]));
    rows.text(&text);
    text.clear();
    text.push_str(author.first);
    text.push(' ');
    text.push_str(author.last);
    rows.text(&text);
    text.clear();
    text.push_str("978");
    push_number(&mut text, rng.below(10_000_000_000), 10);
    rows.maybe_text(rng.chance(70).then_some(&text));
    rows.uint(1950 + rng.below(76));
    rows.text(subject);
    let added = i64::from(SESSIONS[0].0) * DAY;
    rows.moment(added);
    rows.moment(added);
}

pub(crate) fn copy(world: &World, item: u64, nth: u64, rows: &mut Rows) {
    let number = item * COPIES + nth;
    let mut rng = world.rng(Table::Copies, number);
    let mut barcode = String::from("L");
    push_number(&mut barcode, number, 9);
    rows.uuid(world.id(Table::Copies, number));
    rows.uuid(world.id(Table::Institutions, item % INSTITUTIONS));
    rows.uuid(world.id(Table::Items, item));
    rows.text(&barcode);
    let mut shelf = String::new();
    push_number(&mut shelf, 1 + rng.below(40), 2);
    rows.maybe_text(rng.chance(95).then_some(&shelf));
    rows.text(rng.pick(&["new", "good", "good", "good", "worn"]));
    let added = i64::from(SESSIONS[0].0) * DAY;
    rows.moment(added);
    rows.moment(added);
}

/// Loan `nth` of a copy, counted backwards from today; only the newest may still be out.
pub(crate) fn loan(world: &World, copy: u64, nth: u64, rows: &mut Rows) {
    let number = copy * LOANS + nth;
    let mut rng = world.rng(Table::Loans, number);
    let institution = copy / COPIES % INSTITUTIONS;
    let day = TODAY - WINDOW * (nth as i32 + 1) + rng.below(15) as i32;
    let lent = i64::from(day) * DAY + 9 * 3600 + rng.below(8 * 3600) as i64;
    // Somebody who was a student by then, else one of the staff.
    let student = world
        .a_student(institution, &mut rng)
        .filter(|student| world.alumnus(*student).is_none())
        .filter(|student| SESSIONS[world.life(*student).admitted as usize].0 <= day);
    let colleague = world.a_colleague(institution, &mut rng);
    let out = nth == 0 && rng.chance(40);
    let days = 1 + rng.below(40) as i32;
    rows.uuid(world.id(Table::Loans, number));
    rows.uuid(world.id(Table::Institutions, institution));
    rows.uuid(world.id(Table::Copies, copy));
    rows.maybe_uuid(student.map(|student| world.id(Table::Students, student)));
    rows.maybe_uuid(student.is_none().then_some(colleague));
    rows.moment(lent);
    rows.date(day + 28);
    if out {
        rows.null();
    } else {
        rows.moment(lent + i64::from(days) * DAY);
    }
    rows.uint(rng.below(3));
    rows.hundredths(if !out && days > 28 { (days as u64 - 28) * 20 } else { 0 });
    rows.moment(lent);
    rows.moment(lent);
}

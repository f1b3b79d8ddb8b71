//! Imports: files that were loaded and one that waits for each kind, with their lines and what was wrong with one of them.
//!
//! A loaded file says of the first institution what its tables say; a checked one has what the second has not yet. What is
//! rejected, and the words of it, are those of `app.merge_load`.

use super::files::{self, Line, Target};
use super::people::UNIVERSITIES;
use super::records::DAY;
use super::row::Rows;
use super::table::Table;
use super::world::{TODAY, World};

pub(crate) const RUN: &str = "id, target, source, source_sha256, institution_code, status, rows_read, rows_loaded, \
    rows_rejected, message, started_by, started_at, finished_at";
pub(crate) const STUDENT: &str = "load_run_id, line, student_number, first_name, middle_name, last_name, date_of_birth, \
    gender, email, phone, admitted_on, status";
pub(crate) const COURSE: &str =
    "load_run_id, line, program_code, code, name, credits, hours_per_week, is_core";
pub(crate) const PAYMENT: &str =
    "load_run_id, line, student_number, amount, currency, method, status, paid_at, description";
pub(crate) const ATTENDANCE: &str = "load_run_id, line, student_number, course_code, session_code, attended_on, status, \
    minutes_late, remarks";
pub(crate) const REJECTED: &str = "load_run_id, line, reason, content";

const TARGETS: [Target; 4] = [Target::Students, Target::Courses, Target::Payments, Target::Attendance];
/// A loaded file and a checked one of each kind, and one that was given up.
pub(crate) const RUNS: u64 = 2 * TARGETS.len() as u64 + 1;
/// One bad line in each but the last.
pub(crate) const REJECTS: u64 = RUNS - 1;

/// Which file a run reads: of what, and whether it was merged.
fn file(run: u64) -> (Target, bool) {
    (TARGETS[(run % TARGETS.len() as u64) as usize], run < TARGETS.len() as u64)
}

fn lines(world: &World, run: u64) -> Vec<Line> {
    let (target, loaded) = file(run);
    files::lines(world, target, loaded)
}

/// A line as `app.merge_load` keeps it: jsonb's text, whose keys are ordered by length first.
fn content(mut line: Line) -> String {
    line.sort_by_key(|(name, _)| (name.len(), *name));
    let text = |value: Option<String>| serde_json::Value::from(value).to_string();
    let fields: Vec<String> =
        line.into_iter().map(|(name, value)| format!("\"{name}\": {}", text(value))).collect();
    format!("{{{}}}", fields.join(", "))
}

/// How many lines there are of a kind.
pub(crate) fn staged(world: &World, table: Table) -> u64 {
    let runs = (0..REJECTS).filter(|run| file(*run).0.table() == table);
    runs.map(|run| lines(world, run).len() as u64).sum()
}

/// Writes all lines of a kind.
pub(crate) fn stage(world: &World, table: Table, rows: &mut Rows) {
    for run in (0..REJECTS).filter(|run| file(*run).0.table() == table) {
        for (line, number) in lines(world, run).into_iter().zip(2..) {
            rows.uuid(world.id(Table::LoadRuns, run));
            rows.uint(number);
            for (_, value) in line {
                rows.maybe_text(value.as_deref());
            }
            rows.end();
        }
    }
}

pub(crate) fn rejected(world: &World, run: u64, rows: &mut Rows) {
    let lines = lines(world, run);
    rows.uuid(world.id(Table::LoadRuns, run));
    rows.uint(lines.len() as u64 + 1);
    rows.text(file(run).0.reason());
    let bad = lines.into_iter().next_back().map(content);
    rows.maybe_text(bad.as_deref());
}

pub(crate) fn run(world: &World, run: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::LoadRuns, run);
    let (target, loaded) = file(run);
    let given_up = run == REJECTS;
    let read = if given_up { 0 } else { lines(world, run).len() as u64 };
    let begun = i64::from(TODAY - 30 + run as i32) * DAY + rng.below(DAY as u64) as i64;
    rows.uuid(world.id(Table::LoadRuns, run));
    rows.text(target.name());
    rows.text(&format!("{}-{}.csv", target.name(), ["first", "second", "third"][institution(run) as usize]));
    let hash: [u64; 4] = std::array::from_fn(|_| rng.next());
    rows.text(&hash.map(|word| format!("{word:016x}")).concat());
    rows.text(UNIVERSITIES[institution(run) as usize].0);
    rows.text(if given_up {
        "failed"
    } else if loaded {
        "loaded"
    } else {
        "checked"
    });
    rows.uint(read);
    rows.uint(if loaded { read - 1 } else { 0 });
    rows.uint(u64::from(!given_up));
    rows.maybe_text(given_up.then_some("the file is not UTF-8: line 1"));
    rows.text("d_engineer");
    rows.moment(begun);
    if loaded || given_up { rows.moment(begun + 90) } else { rows.null() }
}

/// What was loaded is the first institution's, what waits the second's.
fn institution(run: u64) -> u64 {
    run / TARGETS.len() as u64
}

//! Innovation projects, and reports.

use super::row::Rows;
use super::table::Table;
use super::words;
use super::words::push_number;
use super::world::{INSTITUTIONS, SESSIONS, TODAY, World};

pub(crate) const PROJECT: &str = "id, institution_id, title, description, objectives, status, start_date, end_date, \
    created_at, updated_at, created_by";
pub(crate) const MEMBER: &str =
    "institution_id, project_id, user_id, role, joined_date, created_at, updated_at";
pub(crate) const MILESTONE: &str =
    "id, institution_id, project_id, title, due_date, completed_date, status, created_at, updated_at";
pub(crate) const REPORT: &str = "id, name, description, query, created_at, updated_at";
pub(crate) const REPORT_RUN: &str = "id, institution_id, report_definition_id, executed_by, status, row_count, \
    error_message, created_at, started_at, completed_at";

pub(crate) const MILESTONES: u64 = 3;
pub(crate) const REPORTS: u64 = QUERIES.len() as u64;

/// How many students are asked to join a project; who has no account cannot.
const ASKED: u64 = 4;
const DAY: i64 = 86_400;

const QUERIES: [(&str, &str, &str); 5] = [
    ("Enrolments", "By programme and session", "select * from analysis.enrollment_by_program"),
    ("Pass rates", "By course and session", "select * from analysis.pass_rates order by pass_percent"),
    (
        "Attendance",
        "By course and session",
        "select * from analysis.attendance_rates order by attended_percent",
    ),
    ("Arrears", "Overdue money by programme", "select * from analysis.arrears order by amount desc"),
    ("Library", "Loans by subject and month", "select * from analysis.library_use order by month"),
];

fn begun(n: u64) -> i32 {
    SESSIONS[(n % SESSIONS.len() as u64) as usize].0 + 14
}

pub(crate) fn project(world: &World, n: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::Projects, n);
    let start = begun(n);
    let running = TODAY - start < 365;
    let mut text = String::from("Project ");
    push_number(&mut text, n + 1, 1);
    rows.uuid(world.id(Table::Projects, n));
    rows.uuid(world.id(Table::Institutions, n % INSTITUTIONS));
    rows.text(&text);
    text.clear();
    let count = 1 + rng.below(4);
    words::sentences(&mut rng, count, &mut text);
    rows.text(&text);
    rows.maybe_text(rng.chance(50).then_some("Show that it works; measure it; teach it."));
    if running {
        rows.text(rng.pick(&["draft", "submitted", "in_review", "approved", "in_progress", "in_progress"]));
    } else {
        rows.text(rng.pick(&["completed", "completed", "rejected"]));
    }
    rows.date(start);
    rows.date(start + 300);
    rows.moment(i64::from(start - 20) * DAY);
    rows.moment(i64::from(start) * DAY);
    let by = world.a_colleague(n % INSTITUTIONS, &mut rng);
    rows.uuid(by);
}

/// The students with an account among those asked; each is asked once.
fn students(world: &World, project: u64) -> impl Iterator<Item = u64> {
    let each = world.students / INSTITUTIONS;
    let first = world.rng(Table::Members, project).below(each.max(1));
    let asked = if each >= ASKED { ASKED } else { 0 };
    (0..asked)
        .map(move |i| project % INSTITUTIONS + INSTITUTIONS * ((first + i) % each))
        .filter(|student| world.has_account(*student))
}

/// A mentor, and the students.
pub(crate) fn members(world: &World, project: u64) -> u64 {
    1 + students(world, project).count() as u64
}

pub(crate) fn member(world: &World, project: u64, nth: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::Members, project);
    let institution = project % INSTITUTIONS;
    let student = nth.checked_sub(1).and_then(|i| students(world, project).nth(i as usize));
    rows.uuid(world.id(Table::Institutions, institution));
    rows.uuid(world.id(Table::Projects, project));
    rows.uuid(match student {
        Some(student) => world.id(Table::Users, world.staff() + student),
        None => world.a_colleague(institution, &mut rng),
    });
    rows.text(match nth {
        0 => "mentor",
        1 => "leader",
        _ => "member",
    });
    rows.date(begun(project));
    rows.moment(i64::from(begun(project)) * DAY);
    rows.moment(i64::from(begun(project)) * DAY);
}

pub(crate) fn milestone(world: &World, project: u64, nth: u64, rows: &mut Rows) {
    let due = begun(project) + 90 * (nth as i32 + 1);
    let number = project * MILESTONES + nth;
    rows.uuid(world.id(Table::Milestones, number));
    rows.uuid(world.id(Table::Institutions, project % INSTITUTIONS));
    rows.uuid(world.id(Table::Projects, project));
    rows.text(["Plan", "Prototype", "Report"][nth as usize]);
    rows.date(due);
    if due < TODAY {
        rows.date(due - 3);
        rows.text("completed");
    } else {
        rows.null();
        rows.text("pending");
    }
    rows.moment(i64::from(begun(project)) * DAY);
    rows.moment(i64::from(begun(project)) * DAY);
}

pub(crate) fn report(world: &World, n: u64, rows: &mut Rows) {
    let (name, description, query) = QUERIES[n as usize];
    rows.uuid(world.id(Table::Reports, n));
    rows.text(name);
    rows.text(description);
    rows.text(query);
    rows.moment(i64::from(SESSIONS[0].0) * DAY);
    rows.moment(i64::from(SESSIONS[0].0) * DAY);
}

pub(crate) fn report_run(world: &World, n: u64, rows: &mut Rows) {
    let mut rng = world.rng(Table::ReportRuns, n);
    let asked = i64::from(TODAY - 300) * DAY + rng.below(300 * DAY as u64) as i64;
    let institution = n % INSTITUTIONS;
    rows.uuid(world.id(Table::ReportRuns, n));
    rows.uuid(world.id(Table::Institutions, institution));
    rows.uuid(world.id(Table::Reports, rng.below(REPORTS)));
    rows.uuid(world.a_colleague(institution, &mut rng));
    if rng.chance(95) {
        rows.text("completed");
        rows.uint(rng.below(500));
        rows.null();
    } else {
        rows.text("failed");
        rows.null();
        rows.text("canceling statement due to statement timeout");
    }
    rows.moment(asked);
    rows.moment(asked + 2);
    rows.moment(asked + 2 + rng.below(60) as i64);
}

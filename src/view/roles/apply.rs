//! Changes of roles, planned and done.

use serde::Serialize;
use unisys_db::roles::{
    Applied, ApplyEvent, Change, Difference, Impossible, Notice, Phase, RetireEvent, RetirementPlan,
};

use crate::failure::Failure;
use crate::ui::{Page, Ui, printable};

/// How many things a role owns are named for each database.
const OWNED_SHOWN: usize = 10;

/// What is to be done, or was.
#[derive(Default, Serialize)]
pub(crate) struct Report {
    /// `planned`, `refused`, `unchanged` or `applied`.
    outcome: &'static str,
    /// The statement that makes the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) create_database: Option<String>,
    /// The number of the record.
    pub(crate) id: Option<i64>,
    /// The statements.
    pub(crate) changes: Vec<Change>,
    notices: Vec<Notice>,
    impossible: Vec<Impossible>,
    /// The roles whose password was set.
    passwords: Vec<String>,
    /// How many attempts it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    /// The roles that were retired.
    pub(crate) retired: Vec<String>,
    /// Those that still are to be.
    pub(crate) retirements: Vec<RetirementPlan>,
}

impl Report {
    /// Takes over what is to be done. The end of a role is a plan of its own.
    pub(crate) fn planned(&mut self, difference: &Difference) {
        self.outcome = if difference.impossible.is_empty() { "planned" } else { "refused" };
        let here = difference.changes.iter().filter(|change| change.phase != Phase::Retire);
        self.changes = here.cloned().collect();
        self.notices.clone_from(&difference.notices);
        self.impossible.clone_from(&difference.impossible);
    }

    /// Takes over what was done.
    pub(crate) fn done(&mut self, applied: Applied) {
        let nothing = applied.changes.is_empty() && applied.passwords.is_empty();
        self.outcome = if nothing { "unchanged" } else { "applied" };
        self.id = applied.id;
        self.changes = applied.changes;
        self.passwords = applied.passwords;
        self.attempts = Some(applied.attempts);
    }

    fn page(&self) -> Page {
        let mut page = Page::new();
        if let Some(statement) = &self.create_database {
            page = page.line(format!("{};", printable(statement)));
        }
        if self.outcome == "planned" || self.outcome == "refused" {
            page = page.append(statements(&self.changes));
            page = page.lines(self.impossible.iter().map(|impossible| format!("refused: {impossible}")));
            page = page.lines(self.notices.iter().map(|notice| format!("note: {}", notice.text)));
        }
        page = match (self.outcome, self.changes.len()) {
            ("", _) => page,
            ("planned", 0) | ("unchanged", _) => page.line("Roles and privileges are as the policy says"),
            ("planned", count) => page.line(format!("{count} statements")),
            ("refused", _) => page.line("Nothing would be changed, because some of it cannot be done"),
            (_, count) => page.line(match self.id {
                Some(id) => format!("change {id}: {count} statements, and nothing is left to do"),
                None => format!("{count} statements, and nothing is left to do"),
            }),
        };
        page = page.lines(self.passwords.iter().map(|role| format!("password of {role}: set")));
        page = page.lines(self.retired.iter().map(|role| format!("{role} is retired")));
        self.retirements.iter().fold(page, |page, plan| page.append(retirement(plan)))
    }
}

/// Shows it as the answer.
pub(crate) fn show(ui: &mut Ui, report: &Report) -> Result<(), Failure> {
    ui.answer(report, || report.page())
}

/// Shows it beside the answer.
pub(crate) fn announce(ui: &Ui, report: &Report) {
    say(ui, &report.page());
}

/// Shows beside the answer what the end of a role takes.
pub(crate) fn announce_retirement(ui: &Ui, plan: &RetirementPlan) {
    say(ui, &retirement(plan));
}

pub(super) fn say(ui: &Ui, page: &Page) {
    page.to_text(false).lines().for_each(|line| ui.status(line));
}

/// Statements as SQL, each with its reason above it.
fn statements(changes: &[Change]) -> Page {
    changes.iter().fold(Page::new(), |page, change| {
        let line = change.line.map_or_else(String::new, |line| format!(" (line {line})"));
        let by = change.as_role.as_ref().map_or_else(String::new, |role| format!(" As {role}:"));
        page.line(format!("-- {}{line}{by}", change.reason)).line(format!("{};", change.sql))
    })
}

fn retirement(plan: &RetirementPlan) -> Page {
    let mut page =
        Page::new().line(format!("to be retired: {}, its things go to {}", plan.role, plan.reassign_to));
    for session in &plan.sessions {
        let application = session.application.as_deref().unwrap_or("?");
        let address = session.address.as_deref().unwrap_or("the server itself");
        page = page.line(format!(
            "  session {} in {}: {application} from {address}, since {}",
            session.pid, session.database, session.since
        ));
    }
    for database in &plan.databases {
        let (name, owns, granted) = (&database.name, database.owns, database.granted);
        page = page.line(format!("  in {name}: owns {owns}, is named in the privileges of {granted}"));
        page = page.lines(database.owned.iter().take(OWNED_SHOWN).map(|what| format!("    {what}")));
        if database.owned.len() > OWNED_SHOWN {
            page = page.line(format!("    and {} more", database.owned.len() - OWNED_SHOWN));
        }
    }
    page.lines(plan.obstacles.iter().map(|obstacle| format!("  in the way: {obstacle}")))
}

/// Says what a run does.
pub(crate) fn step(ui: &Ui, event: &ApplyEvent<'_>) {
    match event {
        ApplyEvent::Running { done: 0, of } => ui.status(format!("running {of} statements")),
        ApplyEvent::Running { done, of } if done % 1000 == 0 => {
            ui.status(format!("{done} of {of} statements"));
        }
        ApplyEvent::Running { .. } => {}
        ApplyEvent::Proving => ui.status("looking at what they led to"),
        ApplyEvent::Waiting { attempt, why, pause } => {
            let pause = pause.as_secs_f64();
            ui.status(format!(
                "attempt {attempt} met somebody else, again in {pause:.1} s: {}",
                printable(why)
            ));
        }
        ApplyEvent::Resolved => ui.warning("the connection was lost at COMMIT: it was committed"),
    }
}

/// Says how far the end of a role is.
pub(crate) fn retiring(ui: &Ui, role: &str, event: &RetireEvent<'_>) {
    let role = printable(role);
    match event {
        RetireEvent::LockedOut => ui.status(format!("{role} can log in no more")),
        RetireEvent::Ending { sessions } => ui.status(format!("{role}: ending {sessions} sessions")),
        RetireEvent::In { database } => ui.status(format!("{role}: in database {}", printable(database))),
        RetireEvent::Dropped => ui.status(format!("{role} is gone")),
    }
}

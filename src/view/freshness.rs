//! Freshness as a report: a table, sentences, JSON, and a line for Nagios.

use std::time::Duration;

use serde::Serialize;
use unisys_ops::backup::BackupId;
use unisys_ops::freshness::{Freshness, Limits, Problem, Severity};

use crate::failure::Failure;
use crate::ui::human::duration;
use crate::ui::{Cell, Column, Format, Nagios, Page, Table, Ui};

/// All databases that were looked at.
#[derive(Serialize)]
pub(crate) struct Report {
    outcome: &'static str,
    max_age_seconds: u64,
    max_proof_age_seconds: u64,
    pub(crate) databases: Vec<Checked>,
}

/// One of them.
#[derive(Serialize)]
pub(crate) struct Checked {
    name: String,
    newest: Option<BackupId>,
    age_seconds: Option<u64>,
    proven: Option<BackupId>,
    proof_age_seconds: Option<u64>,
    pub(crate) problems: Vec<Told>,
    #[serde(skip)]
    found: Freshness,
}

/// One problem as a sentence.
#[derive(Serialize)]
pub(crate) struct Told {
    severity: Severity,
    text: String,
}

impl Checked {
    /// Returns what was found of a database; the problems are worded by [`Report::of`], which knows the limits.
    pub(crate) fn new(name: String, found: Freshness) -> Self {
        let seconds = |aged: &Option<(BackupId, Duration)>| aged.as_ref().map(|(_, age)| age.as_secs());
        let id = |aged: &Option<(BackupId, Duration)>| aged.as_ref().map(|(id, _)| id.clone());
        Self {
            name,
            newest: id(&found.newest),
            age_seconds: seconds(&found.newest),
            proven: id(&found.proof),
            proof_age_seconds: seconds(&found.proof),
            problems: Vec::new(),
            found,
        }
    }

    /// Returns what to type about the worst problem.
    pub(crate) fn next_step(&self) -> String {
        match self.found.problems.first() {
            Some(Problem::DrillFailed { id }) => {
                format!("See what the drill found: unisys-dba drill show {id}")
            }
            Some(Problem::Damaged { id }) => {
                format!("See what is wrong with it: unisys-dba backup check {id}")
            }
            Some(Problem::NoProof | Problem::ProofTooOld { .. }) => {
                "Prove the newest: unisys-dba drill".into()
            }
            Some(Problem::Newer { .. }) => "Use the release of unisys-dba that made it.".into(),
            Some(Problem::Future { .. }) => "Compare the clocks of this machine and of the server.".into(),
            _ => "Make a backup: unisys-dba backup run".into(),
        }
    }
}

impl Report {
    /// Words what is wrong with each database.
    pub(crate) fn of(mut databases: Vec<Checked>, limits: Limits) -> Self {
        for database in &mut databases {
            let told = |problem| Told { severity: Problem::severity(problem), text: text(problem, limits) };
            database.problems = database.found.problems.iter().map(told).collect();
        }
        let bad = databases.iter().any(|database| !database.problems.is_empty());
        Self {
            outcome: if bad { "bad" } else { "ok" },
            max_age_seconds: limits.max_age.as_secs(),
            max_proof_age_seconds: limits.max_proof_age.as_secs(),
            databases,
        }
    }

    /// Answers in the form that was asked for.
    pub(crate) fn show(&self, ui: &mut Ui) -> Result<(), Failure> {
        if ui.format() == Format::Nagios {
            self.nagios(ui);
            return Ok(());
        }
        ui.answer(self, || self.page())
    }

    fn sentences(&self) -> Vec<String> {
        let of_one = |database: &Checked| -> Vec<String> {
            database.problems.iter().map(|told| format!("{}: {}", database.name, told.text)).collect()
        };
        self.databases.iter().flat_map(of_one).collect()
    }

    fn page(&self) -> Page {
        let mut table = Table::new([
            Column::whole("Database"),
            Column::whole("State"),
            Column::number("Backup"),
            Column::number("Proof"),
            Column::hidden("Newest"),
            Column::hidden("Proven"),
            Column::hidden("Problems"),
        ]);
        for database in &self.databases {
            let age = |seconds: Option<u64>| match seconds {
                Some(seconds) => Cell::duration(Duration::from_secs(seconds)),
                None => Cell::short("none", ""),
            };
            let id = |id: &Option<BackupId>| id.as_ref().map(BackupId::to_string).unwrap_or_default();
            let problems: Vec<&str> = database.problems.iter().map(|told| told.text.as_str()).collect();
            table.row([
                database.name.as_str().into(),
                database.state().into(),
                age(database.age_seconds),
                age(database.proof_age_seconds),
                id(&database.newest).into(),
                id(&database.proven).into(),
                problems.join("; ").into(),
            ]);
        }
        let page = Page::new().table(table);
        let sentences = self.sentences();
        if sentences.is_empty() {
            return page;
        }
        sentences.into_iter().fold(page.line(""), Page::line)
    }

    fn nagios(&self, ui: &mut Ui) {
        let severities =
            self.databases.iter().flat_map(|database| &database.problems).map(|told| told.severity);
        let verdict = match severities.max() {
            None => Nagios::Ok,
            Some(Severity::Warning) => Nagios::Warning,
            Some(Severity::Critical) => Nagios::Critical,
        };
        let text = match self.sentences() {
            none if none.is_empty() => match self.databases.as_slice() {
                [one] => format!("the backups of {} are fresh", one.name),
                many => format!("the backups of {} databases are fresh", many.len()),
            },
            sentences => sentences.join("; "),
        };
        let mut figures = Vec::new();
        for database in &self.databases {
            let label = database.name.replace(['\'', '='], "_");
            let age =
                database.age_seconds.map(|age| format!("'{label} age'={age}s;;{};0", self.max_age_seconds));
            let proof = database
                .proof_age_seconds
                .map(|age| format!("'{label} proof age'={age}s;{};;0", self.max_proof_age_seconds));
            figures.extend(age.into_iter().chain(proof));
        }
        ui.nagios(verdict, &text, &figures);
    }
}

impl Checked {
    fn state(&self) -> &'static str {
        match self.problems.iter().map(|told| told.severity).max() {
            None => "fresh",
            Some(Severity::Warning) => "warning",
            Some(Severity::Critical) => "critical",
        }
    }
}

fn text(problem: &Problem, limits: Limits) -> String {
    let limit = |limit: Duration| format!("at most {} is allowed", duration(limit));
    match problem {
        Problem::NoBackup => "there is no backup".into(),
        Problem::OnlyParts { id, part } => {
            format!("there are backups of parts only; the newest, {id}, holds a part ({part})")
        }
        Problem::NoneCounts => "no backup counts: each is damaged, of the future, or failed its drill".into(),
        Problem::TooOld { id, age } => {
            format!("the newest backup, {id}, is {} old, {}", duration(*age), limit(limits.max_age))
        }
        Problem::DrillFailed { id } => format!("the newest drill, of {id}, failed"),
        Problem::Damaged { id } => format!("the newest backup, {id}, is damaged"),
        Problem::Newer { id } => {
            format!("the newest backup, {id}, is of a format this program does not know")
        }
        Problem::Future { id, ahead } => {
            format!("{id} is {} ahead of this machine's clock, and does not count", duration(*ahead))
        }
        Problem::NoProof => "no backup is proven".into(),
        Problem::ProofTooOld { id, age } => {
            format!("the newest proof, of {id}, is {} old, {}", duration(*age), limit(limits.max_proof_age))
        }
    }
}

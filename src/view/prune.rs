//! Pruning and pins as reports.

use serde::Serialize;
use unisys_ops::OpsError;
use unisys_ops::backup::{BackupId, State};
use unisys_ops::retention::{Fate, GroupPlan, Line, Pin, Removal, Unreadable, Verdict};
use unisys_ops::store::DirectoryStore;

use crate::failure::Failure;
use crate::ui::human::bytes;
use crate::ui::{Cell, Column, Page, Table, Ui, printable};

/// The backups of one database of one cluster.
#[derive(Serialize)]
pub(crate) struct DatabaseReport {
    #[serde(flatten)]
    pub(crate) plan: GroupPlan,
    /// What became of those that were to go; nothing where they were only planned.
    removals: Vec<Removal>,
    /// Why it could not be done.
    problem: Option<String>,
}

impl DatabaseReport {
    pub(crate) fn planned(plan: GroupPlan) -> Self {
        Self { plan, removals: Vec::new(), problem: None }
    }

    pub(crate) fn new(plan: GroupPlan, removals: Result<Vec<Removal>, OpsError>) -> Self {
        match removals {
            Ok(removals) => Self { plan, removals, problem: None },
            Err(error) => Self { plan, removals: Vec::new(), problem: Some(chain(&error)) },
        }
    }

    /// The report of a database whose backups could not even be read.
    pub(crate) fn failed(database: &str, system_identifier: &str, error: &OpsError) -> Self {
        let plan = GroupPlan::empty(database, system_identifier);
        Self { plan, removals: Vec::new(), problem: Some(chain(error)) }
    }

    /// Returns what went wrong, in sentences.
    pub(crate) fn problems(&self) -> Vec<String> {
        let database = &self.plan.database;
        let whole = self.problem.iter().map(|problem| format!("could not prune {database}: {problem}"));
        let single = self.removals.iter().filter_map(|removal| match &removal.fate {
            Fate::Failed { problem } => Some(format!("{} could not be removed: {problem}", removal.id)),
            _ => None,
        });
        whole.chain(single).collect()
    }

    fn outcome(&self) -> &'static str {
        match () {
            () if !self.problems().is_empty() => "failed",
            () if self.plan.is_held() => "held",
            () if !self.removals.is_empty() => "pruned",
            () if self.plan.removals().count() > 0 => "planned",
            () => "nothing",
        }
    }

    fn removed(&self) -> impl Iterator<Item = &Removal> {
        self.removals.iter().filter(|removal| removal.fate == Fate::Removed)
    }

    /// Returns one sentence about a database.
    fn summary(&self) -> String {
        let lines = &self.plan.backups;
        let of = |verdict| lines.iter().filter(move |line: &&Line| line.verdict == verdict);
        let size = |lines: &mut dyn Iterator<Item = u64>| bytes(lines.sum());
        let held = of(Verdict::Hold).count();
        let removed = self.removed().count();
        match self.outcome() {
            "held" => format!("Held: {held} of {} backups would go, none was removed", lines.len()),
            "nothing" => format!("All {} backups stay", lines.len()),
            "planned" => {
                let freed = size(&mut of(Verdict::Remove).map(|line| line.stored_bytes));
                let go = of(Verdict::Remove).count();
                format!("{go} of {} backups go, {freed} become free", lines.len())
            }
            _ => {
                let freed = size(&mut self.removed().map(|removal| removal.stored_bytes));
                format!("{removed} of {} backups are removed, {freed} are free", lines.len())
            }
        }
    }
}

/// The backups of one store.
#[derive(Serialize)]
pub(crate) struct StoreReport {
    store: String,
    pub(crate) databases: Vec<DatabaseReport>,
    #[serde(serialize_with = "unreadable")]
    pub(crate) unreadable: Vec<Unreadable>,
}

impl StoreReport {
    pub(crate) fn new(store: &DirectoryStore) -> Self {
        Self { store: store.root().display().to_string(), databases: Vec::new(), unreadable: Vec::new() }
    }

    pub(crate) fn plans(&self) -> impl Iterator<Item = &GroupPlan> {
        self.databases.iter().map(|database| &database.plan)
    }
}

fn unreadable<S: serde::Serializer>(list: &[Unreadable], out: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Shown<'a> {
        id: &'a BackupId,
        state: State,
        problem: &'a str,
    }
    out.collect_seq(list.iter().map(|bad| Shown { id: &bad.id, state: bad.state, problem: &bad.problem }))
}

/// An error with its causes.
fn chain(error: &OpsError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

#[derive(Serialize)]
struct Report<'a> {
    outcome: &'static str,
    removed: usize,
    freed_bytes: u64,
    stores: &'a [StoreReport],
}

impl<'a> Report<'a> {
    fn of(stores: &'a [StoreReport]) -> Self {
        let databases = || stores.iter().flat_map(|store| &store.databases);
        let outcomes: Vec<&str> = databases().map(DatabaseReport::outcome).collect();
        let worst = ["failed", "held", "pruned", "planned"].into_iter().find(|word| outcomes.contains(word));
        let removed = || databases().flat_map(DatabaseReport::removed);
        Self {
            outcome: worst.unwrap_or("nothing"),
            removed: removed().count(),
            freed_bytes: removed().map(|removal| removal.stored_bytes).sum(),
            stores,
        }
    }
}

/// The plan as the answer.
pub(crate) fn planned(ui: &mut Ui, stores: &[StoreReport]) -> Result<(), Failure> {
    ui.answer(&Report::of(stores), || page(stores, |_| true))
}

/// The plan beside the answer, before anything is done.
pub(crate) fn announce(ui: &Ui, stores: &[StoreReport]) {
    page(stores, |_| true).to_text(false).lines().for_each(|line| ui.status(line));
}

/// What was done; where the plan was `announced`, without what stays.
pub(crate) fn done(ui: &mut Ui, stores: &[StoreReport], announced: bool) -> Result<(), Failure> {
    ui.answer(&Report::of(stores), || page(stores, |line| !announced || line.verdict != Verdict::Keep))
}

fn page(stores: &[StoreReport], shown: impl Fn(&Line) -> bool) -> Page {
    if stores.iter().all(|store| store.databases.is_empty() && store.unreadable.is_empty()) {
        return Page::new().line("There is no backup yet.");
    }
    let mut page = Page::new();
    for store in stores.iter().filter(|store| !store.databases.is_empty()) {
        for database in &store.databases {
            let plan = &database.plan;
            page = page.line(format!(
                "Database {}, cluster {}, in {}",
                printable(&plan.database),
                printable(&plan.system_identifier),
                store.store
            ));
            let lines: Vec<&Line> = plan.backups.iter().filter(|line| shown(line)).collect();
            if !lines.is_empty() {
                page = page.line("").table(table(&lines, &database.removals));
            }
            page = page.line("").line(database.summary());
            for hold in &plan.overruled {
                page = page.line(format!("Overruled: {hold}"));
            }
            page = page.line("");
        }
    }
    page
}

fn table(lines: &[&Line], removals: &[Removal]) -> Table {
    let mut table = Table::new([
        Column::whole("Backup"),
        Column::hidden("Moment (UTC)"),
        Column::whole("State"),
        Column::whole("Fate"),
        Column::number("Frees"),
        Column::text("Why"),
    ]);
    for line in lines {
        let fate = removals.iter().find(|removal| removal.id == line.id).map(|removal| &removal.fate);
        let (word, why) = match (line.verdict, fate) {
            (Verdict::Keep, _) => {
                ("keep", line.reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
            (Verdict::Hold, _) => ("held", "no rule keeps it".to_owned()),
            (Verdict::Remove, None) => ("remove", "no rule keeps it".to_owned()),
            (Verdict::Remove, Some(Fate::Removed)) => ("removed", "no rule keeps it".to_owned()),
            (Verdict::Remove, Some(Fate::InUse)) => ("keep", "in use".to_owned()),
            (Verdict::Remove, Some(Fate::Pinned)) => ("keep", "pinned meanwhile".to_owned()),
            (Verdict::Remove, Some(Fate::Failed { problem })) => ("failed", problem.clone()),
        };
        let frees = match line.verdict {
            Verdict::Keep => Cell::short("", "0"),
            _ => Cell::bytes(line.stored_bytes),
        };
        let state = crate::view::backups::word(line.state);
        table.row([line.id.as_str().into(), Cell::time(line.moment), state.into(), word.into(), frees, why.into()]);
    }
    table
}

/// What `backup run` says of its pruning.
#[derive(Serialize)]
pub(crate) struct AfterBackup<'a> {
    outcome: &'static str,
    #[serde(flatten)]
    database: &'a DatabaseReport,
}

impl<'a> AfterBackup<'a> {
    pub(crate) fn of(database: &'a DatabaseReport) -> Self {
        Self { outcome: database.outcome(), database }
    }

    /// Returns the line for a person.
    pub(crate) fn line(&self) -> String {
        format!("Retention: {}", self.database.summary())
    }
}

#[derive(Serialize)]
struct Pinned<'a> {
    backup: &'a BackupId,
    pin: Option<&'a Pin>,
}

/// What became of a pin.
pub(crate) fn pinned(ui: &mut Ui, backup: &BackupId, pin: Option<&Pin>) -> Result<(), Failure> {
    ui.answer(&Pinned { backup, pin }, || {
        Page::new().line(match pin {
            Some(_) => format!("{backup} is pinned: no rule removes it."),
            None => format!("{backup} is not pinned: the rules decide."),
        })
    })
}

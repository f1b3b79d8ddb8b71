//! Pruning and pins as reports.

use serde::Serialize;
use unisys_ops::OpsError;
use unisys_ops::backup::{BackupId, State};
use unisys_ops::retention::{Fate, GroupPlan, Line, Pin, Removal, Unreadable, Verdict};

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
    /// Where the copy is, of whose backups this tells.
    #[serde(skip)]
    copy: Option<String>,
}

impl DatabaseReport {
    pub(crate) fn planned(plan: GroupPlan) -> Self {
        Self { plan, removals: Vec::new(), problem: None, copy: None }
    }

    pub(crate) fn new(plan: GroupPlan, removals: Result<Vec<Removal>, OpsError>) -> Self {
        match removals {
            Ok(removals) => Self { removals, ..Self::planned(plan) },
            Err(error) => Self { problem: Some(chain(&error)), ..Self::planned(plan) },
        }
    }

    /// The report of a database whose backups could not even be read.
    pub(crate) fn failed(database: &str, system_identifier: &str, error: &OpsError) -> Self {
        let plan = GroupPlan::empty(database, system_identifier);
        Self { problem: Some(chain(error)), ..Self::planned(plan) }
    }

    /// Returns the same, as the report of a copy.
    pub(crate) fn of_copy(self, location: String) -> Self {
        Self { copy: Some(location), ..self }
    }

    /// Returns whose backups these are: the database, or its copies somewhere.
    pub(crate) fn whose(&self) -> String {
        match &self.copy {
            Some(location) => format!("the copies of {} in {location}", self.plan.database),
            None => self.plan.database.clone(),
        }
    }

    /// Returns what went wrong, in sentences.
    pub(crate) fn problems(&self) -> Vec<String> {
        let whole = self.problem.iter().map(|problem| format!("could not prune {}: {problem}", self.whose()));
        let from =
            self.copy.iter().map(|location| format!(" from the copy in {location}")).collect::<String>();
        let single = self.removals.iter().filter_map(|removal| match &removal.fate {
            Fate::Failed { problem } => Some(format!("{} could not be removed{from}: {problem}", removal.id)),
            _ => None,
        });
        whole.chain(single).collect()
    }

    pub(crate) fn outcome(&self) -> &'static str {
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
        let all = self.plan.backups.len();
        let would = self.plan.backups.iter().filter(|line| line.verdict != Verdict::Keep);
        let (count, size) = would.fold((0, 0), |(count, size), line| (count + 1, size + line.stored_bytes));
        match self.outcome() {
            "held" => {
                format!("Held: nothing was removed; {count} of {all} backups would go ({})", bytes(size))
            }
            "planned" => format!("{count} of {all} backups would go ({})", bytes(size)),
            "nothing" => format!("Nothing to remove; backups: {all}"),
            _ => {
                let size = self.removed().map(|removal| removal.stored_bytes).sum();
                format!("Removed {} of {all} backups ({})", self.removed().count(), bytes(size))
            }
        }
    }
}

/// The backups of one store.
#[derive(Serialize)]
pub(crate) struct StoreReport {
    store: String,
    /// Whether it holds copies of what another one holds.
    pub(crate) copy: bool,
    /// Why it could not be asked.
    pub(crate) problem: Option<String>,
    pub(crate) databases: Vec<DatabaseReport>,
    #[serde(serialize_with = "unreadable")]
    pub(crate) unreadable: Vec<Unreadable>,
}

impl StoreReport {
    pub(crate) fn new(location: String, copy: bool) -> Self {
        Self { store: location, copy, problem: None, databases: Vec::new(), unreadable: Vec::new() }
    }

    /// Adds what became of a database's backups.
    pub(crate) fn add(&mut self, database: DatabaseReport) {
        self.databases.push(match self.copy {
            true => database.of_copy(self.store.clone()),
            false => database,
        });
    }

    /// Returns what went wrong, in sentences.
    pub(crate) fn problems(&self) -> impl Iterator<Item = String> {
        let whole = self
            .problem
            .iter()
            .map(|problem| format!("the copies in {} were not pruned: {problem}", self.store));
        whole.chain(self.databases.iter().flat_map(DatabaseReport::problems))
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
        let lost = stores.iter().filter(|store| store.problem.is_some()).map(|_| "failed");
        let outcomes: Vec<&str> = databases().map(DatabaseReport::outcome).chain(lost).collect();
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
    let mut sections = Vec::new();
    for store in stores {
        for database in &store.databases {
            let slug = BackupId::slug(&database.plan.database);
            let unreadable = store.unreadable.iter().filter(|bad| bad.id.database_slug() == slug);
            sections.push((store, Some(database), unreadable.collect::<Vec<_>>()));
        }
        let known = |bad: &&Unreadable| {
            store.plans().any(|plan| BackupId::slug(&plan.database) == bad.id.database_slug())
        };
        let strangers: Vec<&Unreadable> = store.unreadable.iter().filter(|bad| !known(bad)).collect();
        if !strangers.is_empty() {
            sections.push((store, None, strangers));
        }
    }
    if sections.is_empty() {
        return Page::new().line("There is no backup yet.");
    }
    let mut page = Page::new();
    for (i, (store, database, unreadable)) in sections.into_iter().enumerate() {
        if i > 0 {
            page = page.line("");
        }
        page = page.line(head(store, database));
        let lines = database.iter().flat_map(|database| &database.plan.backups).filter(|line| shown(line));
        let lines: Vec<&Line> = lines.collect();
        if !lines.is_empty() || !unreadable.is_empty() {
            let removals = database.map_or(&[][..], |database| &database.removals);
            page = page.line("").table(table(&lines, &unreadable, removals));
        }
        if let Some(database) = database {
            page = page.line("").line(database.summary());
            let overruled = database.plan.overruled.iter();
            page = overruled.fold(page, |page, hold| page.line(format!("Overruled: {hold}")));
        }
    }
    page
}

fn head(store: &StoreReport, database: Option<&DatabaseReport>) -> String {
    match database {
        Some(DatabaseReport { plan, .. }) => format!(
            "Database {}{}, cluster {}, {} {}",
            printable(&plan.database),
            plan.part.as_ref().map(|part| format!(" ({})", printable(part))).unwrap_or_default(),
            printable(&plan.system_identifier),
            if store.copy { "copies in" } else { "in" },
            store.store
        ),
        None => format!("Backups that cannot be read, in {}", store.store),
    }
}

fn table(lines: &[&Line], unreadable: &[&Unreadable], removals: &[Removal]) -> Table {
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
        let (word, why) = fate_of(line, fate);
        let frees = match line.verdict {
            Verdict::Keep => Cell::short("", "0"),
            _ => Cell::bytes(line.stored_bytes),
        };
        let state = crate::view::backups::word(line.state);
        table.row([
            line.id.as_str().into(),
            Cell::time(line.moment),
            state.into(),
            word.into(),
            frees,
            why.into(),
        ]);
    }
    for bad in unreadable {
        let (state, why) = (crate::view::backups::word(bad.state), "cannot be read: not counted");
        let frees = Cell::short("", "0");
        table.row([
            bad.id.as_str().into(),
            Cell::time(bad.id.moment()),
            state.into(),
            "keep".into(),
            frees,
            why.into(),
        ]);
    }
    table
}

/// Returns what becomes of a backup, in a word, and why.
fn fate_of(line: &Line, fate: Option<&Fate>) -> (&'static str, String) {
    match (line.verdict, fate) {
        (Verdict::Keep, _) => {
            ("keep", line.reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        (Verdict::Hold, _) => ("held", "no rule keeps it".into()),
        (Verdict::Remove, None) => ("remove", "no rule keeps it".into()),
        (Verdict::Remove, Some(Fate::Removed)) => ("removed", "no rule keeps it".into()),
        (Verdict::Remove, Some(Fate::InUse)) => ("keep", "in use".into()),
        (Verdict::Remove, Some(Fate::Pinned)) => ("keep", "pinned meanwhile".into()),
        (Verdict::Remove, Some(Fate::Failed { problem })) => ("failed", problem.clone()),
    }
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
        match &self.database.copy {
            None => format!("Retention: {}", self.database.summary()),
            Some(location) => format!("Retention in {location}: {}", self.database.summary()),
        }
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
            Some(Pin { until_proven: true, .. }) => {
                format!("{backup} is pinned until the next one is proven: no rule removes it before.")
            }
            Some(_) => format!("{backup} is pinned: no rule removes it."),
            None => format!("{backup} is not pinned: the rules decide."),
        })
    })
}

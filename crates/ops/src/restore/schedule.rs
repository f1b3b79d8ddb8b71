//! In which order tables are loaded and their indexes built, so that the workers end together.
//!
//! An index can be built as soon as its table is loaded, while other tables still load. What takes longest is begun first; for
//! a table that means its rows and the longest of what waits for them.

use std::collections::{BTreeMap, BTreeSet};

use unisys_db::catalog::{Index, Table};

use super::toc::Entry;

/// One thing for a worker to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Load a table's files.
    Rows(Load),
    /// Build an index.
    Index(Build),
}

/// A table's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) table: Table,
    pub(crate) files: Vec<String>,
    /// The rows as COPY text, in bytes.
    pub(crate) bytes: u64,
}

/// An index, by its entry in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Build {
    pub(crate) entry: Entry,
    pub(crate) index: Index,
}

/// Indexes below this many bytes are left to one pg_restore for all of them: a process for each would cost more.
const WORTH_A_PROCESS: u64 = 4 << 20;

struct Ready {
    weight: u64,
    task: Task,
}

/// What is left to do.
pub(crate) struct Schedule {
    /// The heaviest last.
    ready: Vec<Ready>,
    waiting: BTreeMap<u32, Vec<Build>>,
    under_way: Vec<Task>,
}

/// What a worker is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Do this.
    Do(Task),
    /// Nothing now; something under way will bring more.
    Wait,
    /// There is nothing left.
    Nothing,
}

impl Schedule {
    /// Returns the schedule of these tables, and of those of the entries that build a large index of theirs.
    pub(crate) fn new(loads: Vec<Load>, indexes: &[Index], post_data: &[Entry]) -> Self {
        let loaded: BTreeSet<u32> = loads.iter().map(|load| load.table.oid).collect();
        let large =
            indexes.iter().filter(|index| index.bytes >= WORTH_A_PROCESS && loaded.contains(&index.table));
        let large: BTreeMap<u32, &Index> = large.map(|index| (index.oid, index)).collect();
        let mut waiting: BTreeMap<u32, Vec<Build>> = BTreeMap::new();
        for entry in post_data.iter().filter(|entry| entry.is(&["INDEX", "CONSTRAINT"])) {
            if let Some(index) = large.get(&entry.oid) {
                let build = Build { entry: entry.clone(), index: (*index).clone() };
                waiting.entry(index.table).or_default().push(build);
            }
        }
        let ready = loads.into_iter().map(|load| {
            let longest = waiting.get(&load.table.oid).into_iter().flatten().map(weight).max();
            Ready { weight: load.bytes + longest.unwrap_or(0), task: Task::Rows(load) }
        });
        let mut schedule = Self { ready: ready.collect(), waiting, under_way: Vec::new() };
        schedule.sort();
        schedule
    }

    fn sort(&mut self) {
        self.ready.sort_by_key(|ready| ready.weight);
    }

    /// Returns the entries this schedule builds, so that nobody else does.
    pub(crate) fn builds(&self) -> Vec<Entry> {
        self.waiting.values().flatten().map(|build| build.entry.clone()).collect()
    }

    /// Takes the heaviest task that need not wait for a lock of another under way.
    pub(crate) fn next(&mut self) -> Next {
        let free = |ready: &Ready| self.under_way.iter().all(|other| !in_each_others_way(&ready.task, other));
        match self.ready.iter().rposition(free) {
            Some(at) => {
                let task = self.ready.remove(at).task;
                self.under_way.push(task.clone());
                Next::Do(task)
            }
            None if self.under_way.is_empty() => Next::Nothing,
            None => Next::Wait,
        }
    }

    /// Whether one task is under way and nothing else is left to begin.
    pub(crate) fn is_last(&self) -> bool {
        self.under_way.len() == 1 && self.ready.is_empty() && self.waiting.is_empty()
    }

    /// Says that a task is done; the indexes of a loaded table become ready.
    pub(crate) fn done(&mut self, task: &Task) {
        self.under_way.retain(|other| other != task);
        if let Task::Rows(load) = task {
            let builds = self.waiting.remove(&load.table.oid).unwrap_or_default();
            let builds =
                builds.into_iter().map(|build| Ready { weight: weight(&build), task: Task::Index(build) });
            self.ready.extend(builds);
            self.sort();
        }
    }
}

/// Two indexes of a table can be built at once, but a constraint wants the table for itself.
fn in_each_others_way(a: &Task, b: &Task) -> bool {
    let (Task::Index(a), Task::Index(b)) = (a, b) else { return false };
    a.index.table == b.index.table && (a.is_constraint() || b.is_constraint())
}

impl Build {
    fn is_constraint(&self) -> bool {
        self.entry.is(&["CONSTRAINT"])
    }
}

/// How long an index takes, in about the time of loading as many bytes: measured, a GIN index costs eight times its size.
fn weight(build: &Build) -> u64 {
    match build.index.method.as_str() {
        "gin" | "gist" | "spgist" => build.index.bytes * 8,
        _ => build.index.bytes * 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::restore::toc::entries;
    use unisys_db::TableName;

    fn load(oid: u32, bytes: u64) -> Load {
        let table = Table { oid, ..Table::named(TableName::new("s", oid.to_string())) };
        Load { table, files: vec![], bytes }
    }

    fn index(table: u32, oid: u32, method: &str, bytes: u64) -> Index {
        Index { table, oid, method: method.into(), bytes }
    }

    fn name(next: Next) -> String {
        match next {
            Next::Do(Task::Rows(load)) => format!("rows {}", load.table.oid),
            Next::Do(Task::Index(build)) => format!("index {}", build.index.oid),
            Next::Wait => "wait".into(),
            Next::Nothing => "nothing".into(),
        }
    }

    const POST: &str = "10; 1259 100 INDEX s a o\n11; 2606 101 CONSTRAINT s b c o\n12; 2606 102 FK CONSTRAINT s b c o\n13; 1259 103 INDEX s tiny o\n";

    #[test]
    fn an_index_waits_for_its_rows_and_the_longest_is_first() {
        let indexes =
            [index(1, 100, "gin", 100 << 20), index(1, 101, "btree", 50 << 20), index(2, 103, "btree", 1000)];
        let mut schedule =
            Schedule::new(vec![load(1, 10 << 20), load(2, 300 << 20)], &indexes, &entries(POST));
        assert_eq!(schedule.builds().len(), 2, "small indexes and foreign keys are not ours");
        // table 1 is smaller, but what waits for it is longer
        let first = schedule.next();
        let Next::Do(rows_of_1) = first else { panic!("{first:?}") };
        assert_eq!(name(schedule.next()), "rows 2");
        assert_eq!(name(schedule.next()), "wait");
        schedule.done(&rows_of_1);
        let Next::Do(gin) = schedule.next() else { panic!("an index is ready") };
        assert_eq!(name(Next::Do(gin.clone())), "index 100");
        assert_eq!(name(schedule.next()), "wait", "the constraint wants the table for itself");
        schedule.done(&gin);
        assert_eq!(name(schedule.next()), "index 101");
    }

    #[test]
    fn an_empty_schedule_has_nothing() {
        assert_eq!(Schedule::new(vec![], &[], &[]).next(), Next::Nothing);
    }
}

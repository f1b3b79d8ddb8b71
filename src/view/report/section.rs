//! What the report says of one database, in words and coordinates.

use chrono::{DateTime, Utc};
use unisys_ops::backup::{Listed, State};
use unisys_ops::drill::{DrillRecord, Outcome};
use unisys_ops::evidence::{Exhibit, Verdict};

use super::Database;
use super::detail::detail;
use super::plot::{Measured, Plot, plot};
use crate::ui::human::{about, bytes, count, duration, span, time};
use crate::ui::printable;

/// How many differences of a failed drill are shown, and how many tables of the newest one.
const DIFFERENCES: usize = 20;
const TABLES: usize = 100;

/// One database in the report.
pub(super) struct Section {
    pub(super) name: String,
    pub(super) cluster: String,
    pub(super) drills: usize,
    pub(super) proven: usize,
    pub(super) failed: usize,
    /// How many drills have evidence that does not hold.
    pub(super) doubtful: usize,
    /// The backups there are, in a sentence.
    pub(super) backups: String,
    pub(super) newest_proven: String,
    pub(super) plots: Vec<Plot>,
    /// The newest first.
    pub(super) rows: Vec<Row>,
    pub(super) troubles: Vec<Trouble>,
    /// The newest drill, line by line.
    pub(super) detail: Vec<(&'static str, Vec<String>)>,
    pub(super) tables: Vec<(String, String, String)>,
    pub(super) more_tables: usize,
}

/// One drill.
pub(super) struct Row {
    pub(super) drilled: String,
    pub(super) backup: String,
    pub(super) outcome: &'static str,
    pub(super) proven: bool,
    pub(super) rows: String,
    pub(super) restore: String,
    pub(super) rto: String,
    pub(super) rpo: String,
    pub(super) evidence: &'static str,
    pub(super) holds: bool,
}

/// What went wrong in one drill, or is wrong with its evidence.
pub(super) struct Trouble {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
    pub(super) more: usize,
}

impl Section {
    /// Returns the section of a database; a drill that nobody vouches for counts for nothing where signatures were verified.
    pub(super) fn of(database: &Database, verified: bool) -> Self {
        let drills = &database.drills;
        let counts = |drill: &&Exhibit| !verified || drill.evidence.holds();
        let records = || drills.iter().filter(counts).filter_map(|drill| drill.evidence.record.as_ref());
        let proven = records().filter(|record| record.outcome == Outcome::Proven).count();
        let failed = records().count() - proven;
        let mut tables = database.tables.clone();
        tables.sort_by_key(|table| std::cmp::Reverse(table.bytes));
        let shown = tables.iter().take(TABLES);
        Self {
            name: printable(&database.name),
            cluster: printable(&database.cluster),
            drills: drills.len(),
            proven,
            failed,
            doubtful: drills.len() - proven - failed,
            backups: backups(database),
            newest_proven: newest_proven(database),
            plots: plots(&records().collect::<Vec<_>>()),
            rows: drills.iter().rev().map(row).collect(),
            troubles: drills.iter().rev().flat_map(|drill| troubles(drill, verified)).collect(),
            detail: drills.last().map(detail).unwrap_or_default(),
            tables: shown
                .map(|table| {
                    let name = printable(&format!("{}.{}", table.schema, table.name));
                    (name, count(table.rows), bytes(table.bytes))
                })
                .collect(),
            more_tables: tables.len().saturating_sub(TABLES),
        }
    }

    /// Whether there is nothing to worry about.
    pub(super) fn is_sound(&self) -> bool {
        self.drills > 0 && self.failed == 0 && self.doubtful == 0
    }
}

fn backups(database: &Database) -> String {
    let number = |state: State| database.backups.iter().filter(|backup| backup.state == state).count() as u64;
    let mut parts = vec![format!("{} proven", count(number(State::Proven)))];
    for (state, word) in [
        (State::Unproven, "never drilled"),
        (State::Failed, "failed"),
        (State::Damaged, "damaged"),
        (State::Newer, "of a newer format"),
    ] {
        if number(state) > 0 {
            parts.push(format!("{} {word}", count(number(state))));
        }
    }
    format!("{} in the stores: {}", count(database.backups.len() as u64), parts.join(", "))
}

fn newest_proven(database: &Database) -> String {
    let proven = || database.backups.iter().filter(|backup| backup.state == State::Proven);
    match (proven().find(|backup| backup.part.is_none()), proven().next()) {
        (Some(backup), _) => format!("{}, of {}", backup.id, time(backup.moment)),
        (None, Some(Listed { id, moment, part: Some(part), .. })) => {
            format!("none of the whole; {id}, of {}, holds a part ({})", time(*moment), printable(part))
        }
        _ => "none".into(),
    }
}

fn plots(records: &[&DrillRecord]) -> Vec<Plot> {
    let measured = |seconds: fn(&DrillRecord) -> Option<f64>| -> Vec<Measured> {
        let drill = |record: &DrillRecord| {
            let seconds = seconds(record).filter(|_| record.outcome == Outcome::Proven);
            let value = seconds.map_or_else(|| "failed".into(), |seconds| duration(span(seconds)));
            Measured {
                at: record.started,
                seconds,
                proven: record.outcome == Outcome::Proven,
                title: format!("{}: {value}", time(record.started)),
            }
        };
        let mut all: Vec<Measured> = records.iter().map(|record| drill(record)).collect();
        all.sort_by_key(|drill| drill.at);
        all
    };
    let rto = measured(|record| record.rto.as_ref().map(|rto| rto.seconds));
    let rpo = measured(|record| Some(record.rpo_seconds.max(0) as f64));
    [
        plot("Recovery time, estimated (RTO)", rto),
        plot("Recovery point: age of the backup when it was drilled (RPO)", rpo),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn row(drill: &Exhibit) -> Row {
    let evidence = &drill.evidence;
    let holds = evidence.holds();
    let word = match (&evidence.record_signature, holds) {
        (_, true) => "holds",
        (Some(Verdict::Unsigned), _) => "not signed",
        (Some(Verdict::Unknown { .. }), _) => "not verified",
        _ => "DOES NOT HOLD",
    };
    let empty = || "–".to_owned();
    let known = |of: &dyn Fn(&DrillRecord) -> Option<String>| {
        evidence.record.as_ref().and_then(of).unwrap_or_else(empty)
    };
    let proven = evidence.record.as_ref().is_some_and(|record| record.outcome == Outcome::Proven);
    Row {
        drilled: known(&|record| Some(minute(record.started))),
        backup: evidence.backup.to_string(),
        outcome: match (&evidence.record, proven) {
            (_, true) => "proven",
            (Some(_), false) => "FAILED",
            (None, false) => "unreadable",
        },
        proven,
        rows: known(&|record| Some(count(record.compared.rows))),
        restore: known(&|record| Some(about(span(record.restore_seconds)))),
        rto: known(&|record| Some(about(span(record.rto.as_ref()?.seconds)))),
        rpo: known(&|record| Some(about(span(record.rpo_seconds.max(0) as f64)))),
        evidence: word,
        holds,
    }
}

fn minute(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%d %H:%M").to_string()
}

fn troubles(drill: &Exhibit, verified: bool) -> Vec<Trouble> {
    let evidence = &drill.evidence;
    let differences = evidence.record.iter().flat_map(|record| &record.differences);
    let when = evidence.record.as_ref().map_or_else(|| evidence.file.clone(), |record| time(record.started));
    let problems = evidence
        .problems
        .iter()
        .filter(|_| verified)
        .map(|problem| format!("{}: {}", problem.file, problem.problem));
    [
        ("the drill failed", differences.map(|text| printable(text)).collect::<Vec<String>>()),
        ("the evidence does not hold", problems.map(|text| printable(&text)).collect()),
    ]
    .into_iter()
    .filter(|(_, lines)| !lines.is_empty())
    .map(|(what, lines)| Trouble {
        title: format!("{when}, {}: {what}", evidence.backup),
        more: lines.len().saturating_sub(DIFFERENCES),
        lines: lines.into_iter().take(DIFFERENCES).collect(),
    })
    .collect()
}

//! Rows that became fewer: a table emptied or gone, or smaller than a set share allows. A mistaken DELETE looks like this, and
//! retention must not go on to remove the backups from before it.
//!
//! Each backup is judged once, against those of the weeks before it, and what was found stays written beside it: a fall of last
//! month is still one when today's backup looks like yesterday's. It ends when the rows are back, or when somebody accepts it.
//! Judged again later, after others were removed, it might look different.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use unisys_db::TableName;
use unisys_db::pattern::TablePattern;

use super::policy::Share;
use super::read::Candidate;
use crate::OpsError;
use crate::backup::BackupId;
use crate::store::Store;

/// The file's name.
pub(super) const JUDGED: &str = "counts-judged.json";

/// The form this build writes.
const FORMAT: u32 = 1;

/// How far back a backup is compared: what happens to a table once a month is usual for it.
const WINDOW: TimeDelta = TimeDelta::days(35);

/// A table with fewer rows than this may lose some of them: a handful is not a share.
const SMALL: u64 = 100;

/// A table younger than the backups it is compared with must have been in this many of them.
const KNOWN: usize = 3;

/// How a table's rows fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FallKind {
    /// The table is not there any more.
    Missing,
    /// It has no rows any more.
    Emptied,
    /// It has fewer.
    Shrunk,
}

/// Rows that became fewer from one backup to the next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fall {
    /// How.
    pub kind: FallKind,
    /// The table; `None` for all of them together.
    pub table: Option<TableName>,
    /// How many rows were usual before.
    pub usual: u64,
    /// How many there are now.
    pub rows: u64,
}

/// What was found out about a backup's counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    #[serde(default)]
    format: u32,
    /// What fell with this backup, and is not back yet.
    pub fell: Vec<Fall>,
    /// When somebody said that its counts are right (UTC). Later backups are compared with this one and those after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<DateTime<Utc>>,
}

impl Judgement {
    pub(super) fn new(fell: Vec<Fall>, accepted: Option<DateTime<Utc>>) -> Self {
        Self { format: FORMAT, fell, accepted }
    }

    /// Reads what is written beside a backup. A damaged file says nothing: then the backup is judged again.
    pub(super) fn read(store: &dyn Store, id: &BackupId) -> Result<Option<Self>, OpsError> {
        let json = store.read_small(id, JUDGED)?.unwrap_or_default();
        Ok(serde_json::from_slice::<Self>(&json).ok().filter(|judgement| judgement.format == FORMAT))
    }

    pub(super) fn write(&self, store: &dyn Store, id: &BackupId) -> Result<(), OpsError> {
        let json = serde_json::to_vec_pretty(self)
            .map_err(|error| OpsError::Corrupt(format!("a judgement cannot be written: {error}")))?;
        store.write_beside(id, JUDGED, &json)
    }
}

impl fmt::Display for Fall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, table, usual, rows } = self;
        let what = table.as_ref().map_or_else(|| "all tables together".to_owned(), ToString::to_string);
        match kind {
            FallKind::Missing => write!(f, "{what} is missing (it had {usual} rows)"),
            FallKind::Emptied => write!(f, "{what} is empty (it had {usual} rows)"),
            FallKind::Shrunk => write!(f, "{what}: {rows} rows instead of {usual}"),
        }
    }
}

/// Returns what has fallen with each backup of `history` (the oldest first) and is not back by its end.
pub(super) fn falls(history: &[&Candidate], share: Share, except: &[TablePattern]) -> Vec<Vec<Fall>> {
    let mut columns: BTreeMap<&TableName, Vec<Option<u64>>> = BTreeMap::new();
    for (i, backup) in history.iter().enumerate() {
        for (table, rows) in &backup.tables {
            columns.entry(table).or_insert_with(|| vec![None; history.len()])[i] = Some(*rows);
        }
    }
    columns.retain(|table, _| !except.iter().any(|pattern| pattern.matches(table)));
    let total = |i| columns.values().filter_map(|rows: &Vec<Option<u64>>| rows[i]).sum();
    let totals: Vec<Option<u64>> = (0..history.len()).map(|i| Some(total(i))).collect();
    let mut found: Vec<Vec<Fall>> = vec![Vec::new(); history.len()];
    for (i, fell) in found.iter_mut().enumerate() {
        let window = window(history, i);
        let judged = history[i].judged.as_ref();
        let fresh = || {
            let of_tables =
                columns.iter().filter_map(|(table, rows)| fall(Some(table), rows, i, window.clone(), share));
            let of_tables: Vec<Fall> = of_tables.collect();
            // all together only say what no table says alone
            match of_tables.is_empty() {
                true => fall(None, &totals, i, window.clone(), share).into_iter().collect(),
                false => of_tables,
            }
        };
        *fell = judged.map_or_else(fresh, |judged| judged.fell.clone());
        fell.retain(|fall| {
            let rows = fall.table.as_ref().map_or(Some(&totals), |table| columns.get(table));
            // a table that is in no backup any more, or is not asked about any more
            rows.is_some_and(|rows| {
                !rows[i + 1..].iter().flatten().any(|rows| is_back(*rows, fall.usual, share))
            })
        });
    }
    found
}

/// Returns the backups that backup `i` is compared with: those of the weeks before, from the newest accepted one on. The newest
/// is compared with its predecessor however old that is.
fn window(history: &[&Candidate], i: usize) -> std::ops::Range<usize> {
    let accepted =
        |backup: &&Candidate| backup.judged.as_ref().is_some_and(|judged| judged.accepted.is_some());
    let from = history[..i].iter().rposition(accepted).unwrap_or(0);
    let since = history[i].moment - WINDOW;
    let recent = history[..i].partition_point(|backup| backup.moment < since).max(from);
    match i + 1 == history.len() {
        true => recent.min(i.saturating_sub(1))..i,
        false => recent..i,
    }
}

/// Returns how the rows of a table fell with backup `i`, if they did. Rows that have been this few before, or none at all, are
/// usual: queues and staging tables come and go.
fn fall(
    table: Option<&TableName>,
    rows: &[Option<u64>],
    i: usize,
    window: std::ops::Range<usize>,
    share: Share,
) -> Option<Fall> {
    let before = &rows[window];
    let known: Vec<u64> =
        before.iter().skip_while(|rows| rows.is_none()).map(|rows| rows.unwrap_or(0)).collect();
    if known.len() < before.len().min(KNOWN) {
        return None;
    }
    let low = *known.iter().min()?;
    let usual = median(known);
    let kind = match rows[i] {
        _ if low == 0 => return None,
        None => FallKind::Missing,
        Some(0) => FallKind::Emptied,
        Some(rows) if usual >= SMALL && rows < low && !is_back(rows, usual, share) => FallKind::Shrunk,
        Some(_) => return None,
    };
    Some(Fall { kind, table: table.cloned(), usual, rows: rows[i].unwrap_or(0) })
}

/// Whether `rows` are at most a share fewer than `usual`.
fn is_back(rows: u64, usual: u64, share: Share) -> bool {
    rows > 0 && u128::from(rows) * 100 >= u128::from(usual) * u128::from(100 - share.percent())
}

/// The lower of the two in the middle, where two are.
fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

/// Returns what is to be written beside the backups of `history`, so that none is judged twice. `accepted` accepts all that fell.
pub(super) fn judgements(
    history: &[&Candidate],
    falls: &[Vec<Fall>],
    accepted: Option<DateTime<Utc>>,
) -> BTreeMap<BackupId, Judgement> {
    let newest = history.len().saturating_sub(1);
    let mut changed = BTreeMap::new();
    for (i, (backup, fell)) in history.iter().zip(falls).enumerate() {
        let before = backup.judged.as_ref();
        let judgement = match accepted {
            None => Judgement::new(fell.clone(), before.and_then(|judged| judged.accepted)),
            Some(now) => Judgement::new(
                Vec::new(),
                if i == newest { Some(now) } else { before.and_then(|judged| judged.accepted) },
            ),
        };
        if before != Some(&judgement) {
            changed.insert(backup.id.clone(), judgement);
        }
    }
    changed
}

/// Returns the falls of all backups, each table once, the first one that fell, with the backup it fell with.
pub(super) fn first_of_each<'a>(history: &[&'a Candidate], falls: &[Vec<Fall>]) -> Vec<(&'a BackupId, Fall)> {
    let mut seen: BTreeSet<Option<TableName>> = BTreeSet::new();
    let all = history.iter().zip(falls).flat_map(|(backup, fell)| fell.iter().map(|fall| (&backup.id, fall)));
    let mut first: Vec<_> = all
        .filter(|(_, fall)| seen.insert(fall.table.clone()))
        .map(|(id, fall)| (id, fall.clone()))
        .collect();
    first.sort_by(|a, b| a.1.cmp(&b.1));
    first
}

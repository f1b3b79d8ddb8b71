//! Which of a table's indexes could go.

use std::collections::{BTreeMap, HashSet};

use super::read::Index;
use crate::monitor::check::Judging;
use crate::monitor::checks::transactions::words;
use crate::monitor::{Action, Column, Sample, State, Unit, Unreadable, Verdict};

pub(super) fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let mut verdict = Verdict::new("");
    verdict.columns = [
        ("Index", Unit::Text),
        ("Table", Unit::Text),
        ("Size", Unit::Bytes),
        ("Used", Unit::Count),
        ("What", Unit::Text),
    ]
    .map(|(title, unit)| Column { title, unit })
    .to_vec();
    let mut tables: BTreeMap<(&str, &str), Vec<Index<'_>>> = BTreeMap::new();
    for row in sample.rows() {
        let index = Index::read(&row)?;
        tables.entry(index.table).or_default().push(index);
    }
    let counted = by.facts.now - by.facts.stats_reset.unwrap_or(by.facts.started);
    let trusted = by.mark("counted", counted) > State::Ok;
    let (mut redundant, mut unused, mut saved) = (0, 0, 0);
    for indexes in tables.values() {
        let covered = covered(indexes);
        for index in indexes {
            let found = match covered.iter().find(|(lesser, _)| *lesser == index.oid) {
                Some((_, greater)) => {
                    let other = indexes.iter().find(|other| other.oid == *greater);
                    let words = other.map_or_else(String::new, |other| match index.keys == other.keys {
                        true => format!("is {} once more", other.name),
                        false => format!("is the beginning of {}", other.name),
                    });
                    redundant += 1;
                    words
                }
                None if trusted && is_unused(index, by) => {
                    unused += 1;
                    format!("was not used in {}", words(counted))
                }
                None => continue,
            };
            saved += index.bytes.unwrap_or(0);
            verdict.item(
                State::Warning,
                [
                    format!("{}.{}", index.schema, index.name).into(),
                    format!("{}.{}", index.table.0, index.table.1).into(),
                    index.bytes.into(),
                    index.scans.into(),
                    found.as_str().into(),
                ],
            );
            verdict.actions.push(Action {
                why: format!("{} {found}", index.name),
                sql: format!("drop index concurrently {}", index.sql()),
                undo: Some(again(index.definition)),
            });
        }
    }
    let all: usize = tables.values().map(Vec::len).sum();
    let not_judged = match trusted {
        true => String::new(),
        false => format!("; use is not judged, the counters are only {} old", words(counted)),
    };
    verdict.summary = match redundant + unused {
        0 => format!("each of {all} indexes serves something{not_judged}"),
        _ => format!(
            "of {all} indexes {redundant} repeat others, {unused} are not used: {:.1} MB{not_judged}",
            saved as f64 / 1e6
        ),
    };
    verdict.metric("redundant_indexes", Unit::Count, f64::from(redundant));
    if trusted {
        verdict.metric("unused_indexes", Unit::Count, f64::from(unused));
    }
    Ok(verdict)
}

/// Returns pairs of numbers: an index that could go, and the one that stays for it. None that stays ever goes.
fn covered(indexes: &[Index<'_>]) -> Vec<(i64, i64)> {
    let mut pairs: Vec<(i64, i64)> = Vec::new();
    let mut gone = HashSet::new();
    // The shortest first, so that a chain ends in its longest; of equals the youngest goes.
    let mut order: Vec<&Index<'_>> = indexes.iter().filter(|index| index.stays.is_none()).collect();
    order.sort_by_key(|index| {
        (index.keys.len(), index.included.len(), index.unique, std::cmp::Reverse(index.oid))
    });
    for index in order {
        let greater = indexes
            .iter()
            .filter(|other| !gone.contains(&other.oid) && index.is_covered_by(other))
            .max_by_key(|other| (other.stays.is_some(), other.keys.len(), std::cmp::Reverse(other.oid)));
        if let Some(other) = greater {
            gone.insert(index.oid);
            // who leant on this one leans on the other now
            for pair in pairs.iter_mut().filter(|(_, greater)| *greater == index.oid) {
                pair.1 = other.oid;
            }
            pairs.push((index.oid, other.oid));
        }
    }
    pairs
}

fn is_unused(index: &Index<'_>, by: &Judging<'_>) -> bool {
    let large = index.bytes.is_some_and(|bytes| by.mark("unused", bytes as f64) > State::Ok);
    let of_use = index.unique || index.serves_foreign_key || index.stays.is_some() || !index.valid;
    index.scans == Some(0) && large && !of_use
}

/// The statement that builds it again, without stopping writers.
fn again(definition: &str) -> String {
    let concurrently =
        |keyword: &str| definition.strip_prefix(keyword).map(|rest| format!("{keyword}CONCURRENTLY {rest}"));
    concurrently("CREATE UNIQUE INDEX ")
        .or_else(|| concurrently("CREATE INDEX "))
        .unwrap_or_else(|| definition.to_owned())
}

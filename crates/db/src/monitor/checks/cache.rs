//! How much is found in shared buffers.

use super::transactions::words;
use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Check, Needs, Sample, State, Threshold, Unit, Unreadable, Verdict};

/// Fewer blocks than this say nothing about a ratio: 80 MB.
const ENOUGH: i64 = 10_000;

pub(super) const CHECK: Check = Check {
    id: "cache",
    title: "Blocks found in shared buffers",
    meaning: "What is not there is read from the system's cache or the disk, which takes longer.",
    advice: "Look for large scans first (check `statements`); then shared_buffers, a quarter of the memory to begin with.",
    needs: Needs::Nothing,
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/cache.sql"),
    }],
    thresholds: &[Threshold { name: "hit", unit: Unit::Percent, warning: 95.0, critical: Some(80.0) }],
    judge,
};

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let Some(row) = sample.rows().next() else {
        let mut verdict = Verdict::new("the server keeps no counters for this database");
        verdict.at_least(State::NoData);
        return Ok(verdict);
    };
    let (hit, read) = (row.int("hit")?, row.int("read")?);
    let since = words(by.facts.now - by.facts.stats_reset.unwrap_or(by.facts.started));
    if hit + read < ENOUGH {
        let mut verdict =
            Verdict::new(format!("only {} blocks were asked for in the last {since}", hit + read));
        verdict.at_least(State::NoData);
        return Ok(verdict);
    }
    let ratio = 100.0 * hit as f64 / (hit + read) as f64;
    let mut verdict = Verdict::new(format!("{ratio:.1} % were found there in the last {since}"));
    verdict.at_least(by.mark("hit", ratio));
    verdict.metric("cache_hit", Unit::Percent, ratio);
    Ok(verdict)
}

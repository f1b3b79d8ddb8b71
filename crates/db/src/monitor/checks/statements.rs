//! The statements that cost most.

use super::transactions::words;
use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Check, Column, Needs, Sample, State, Threshold, Unit, Unreadable, Verdict};

pub(super) const CHECK: Check = Check {
    id: "statements",
    title: "Statements that take the most time",
    meaning: "One statement that takes most of the time is the first thing to look at when all is slow.",
    advice: "EXPLAIN (ANALYZE, BUFFERS) it on a restored copy (`unisys-dba open`): an index, or fewer calls.",
    needs: Needs::Role("pg_read_all_stats"),
    // By the version of the extension: a server that was upgraded keeps the old one until somebody updates it.
    queries: &[
        Query {
            since: Since::Statements(1, 8),
            sql: include_str!("../../../../../sql/monitor/statements.sql"),
        },
        Query {
            since: Since::Statements(1, 4),
            sql: include_str!("../../../../../sql/monitor/statements_1_7.sql"),
        },
    ],
    thresholds: &[Threshold { name: "mean", unit: Unit::Seconds, warning: 30.0, critical: Some(300.0) }],
    judge,
};

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let mut verdict = Verdict::new("");
    verdict.columns = [
        ("Statement", Unit::Text),
        ("Role", Unit::Text),
        ("Calls", Unit::Count),
        ("Total", Unit::Seconds),
        ("Each", Unit::Seconds),
        ("Share", Unit::Percent),
    ]
    .map(|(title, unit)| Column { title, unit })
    .to_vec();
    let mut all = 0.0;
    for row in sample.rows() {
        all += row.float("total_seconds")?;
    }
    let mut hidden = 0;
    for row in sample.rows() {
        let Some(query) = row.maybe_text("query")? else {
            hidden += 1;
            continue;
        };
        let (total, mean) = (row.float("total_seconds")?, row.float("mean_seconds")?);
        let share = if all > 0.0 { 100.0 * total / all } else { 0.0 };
        let state = by.mark("mean", mean);
        let cells = [
            query.into(),
            row.text("role")?.into(),
            row.int("calls")?.into(),
            total.into(),
            mean.into(),
            share.into(),
        ];
        verdict.item(state, cells);
    }
    verdict.summary = match verdict.items.len() {
        0 => "no statement was counted yet".into(),
        seen => format!("{seen} statements took {} together", words(all)),
    };
    if verdict.items.is_empty() && hidden == 0 {
        verdict.at_least(State::NoData);
    }
    verdict.metric("statements_time", Unit::Seconds, all);
    verdict.keep(10);
    if hidden > 0 {
        verdict.summary = format!("{}; {hidden} of others are hidden from this login", verdict.summary);
        verdict.at_least(State::NotPermitted);
    }
    Ok(verdict)
}

//! What keeps VACUUM from removing rows.

use super::transactions::words;
use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Check, Column, Needs, Sample, State, Threshold, Unit, Unreadable, Verdict};

pub(super) const CHECK: Check = Check {
    id: "horizon",
    title: "Who keeps VACUUM from removing rows",
    meaning: "No row deleted since the oldest of these began can be removed, in any table: tables grow, queries slow down.",
    advice: "End the oldest: a session (check `transactions`), a forgotten prepared transaction (rollback prepared), \
             a slot without a reader (check `slots`), a replica's long query.",
    needs: Needs::Role("pg_read_all_stats"),
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/horizon.sql"),
    }],
    thresholds: &[Threshold {
        name: "age",
        unit: Unit::Count,
        warning: 10_000_000.0,
        critical: Some(100_000_000.0),
    }],
    judge,
};

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let mut verdict = Verdict::new("");
    verdict.columns = [
        ("Holder", Unit::Text),
        ("Name", Unit::Text),
        ("Transactions", Unit::Count),
        ("Since", Unit::Seconds),
    ]
    .map(|(title, unit)| Column { title, unit })
    .to_vec();
    let (mut oldest, mut hidden): (Option<(i64, String)>, _) = (None, None);
    for row in sample.rows() {
        let (holder, name) = (row.text("holder")?, row.maybe_text("name")?);
        if holder == "hidden" {
            hidden = name;
            continue;
        }
        let age = row.int("age")?;
        let since = row.maybe_float("seconds")?;
        if oldest.as_ref().is_none_or(|(before, _)| age > *before) {
            let since = since.map_or_else(String::new, |seconds| format!(", for {}", words(seconds)));
            oldest = Some((age, format!("{holder} {}{since}", name.unwrap_or("?"))));
        }
        verdict.item(by.mark("age", age as f64), [holder.into(), name.into(), age.into(), since.into()]);
    }
    let age = oldest.as_ref().map_or(0, |(age, _)| *age);
    verdict.summary = match oldest {
        None => "nobody holds it back".into(),
        Some((age, who)) => format!("{age} transactions behind, by {who}"),
    };
    verdict.metric("horizon_age", Unit::Count, age as f64);
    verdict.keep(10);
    if let Some(sessions) = hidden {
        verdict.summary = format!("{}; {sessions} sessions are hidden from this login", verdict.summary);
        verdict.at_least(State::NotPermitted);
    }
    Ok(verdict)
}

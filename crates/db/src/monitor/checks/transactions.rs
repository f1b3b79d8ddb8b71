//! Transactions that are open for long: at work, or idle, and what they hold back.

use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Action, Check, Column, Needs, Sample, State, Threshold, Unit, Unreadable, Verdict};

pub(super) const CHECK: Check = Check {
    id: "transactions",
    title: "Transactions that are open for long",
    meaning: "An open transaction keeps its locks, and keeps VACUUM from removing what was deleted since it began.",
    advice: "Ask its owner first; then pg_cancel_backend, and where it is idle pg_terminate_backend. \
             idle_in_transaction_session_timeout prevents the next one.",
    needs: Needs::Role("pg_read_all_stats"),
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/transactions.sql"),
    }],
    thresholds: &[
        Threshold { name: "open", unit: Unit::Seconds, warning: 3_600.0, critical: Some(6.0 * 3_600.0) },
        Threshold { name: "idle", unit: Unit::Seconds, warning: 300.0, critical: Some(1_800.0) },
    ],
    judge,
};

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let (mut longest, mut longest_idle, mut hidden) = (0.0_f64, 0.0_f64, 0);
    let mut verdict = Verdict::new("");
    verdict.columns = [
        ("Process", Unit::Text),
        ("Role", Unit::Text),
        ("Application", Unit::Text),
        ("State", Unit::Text),
        ("Open", Unit::Seconds),
        ("Idle", Unit::Seconds),
    ]
    .map(|(title, unit)| Column { title, unit })
    .to_vec();
    for row in sample.rows() {
        let Some(state) = row.maybe_text("state")? else {
            hidden += i64::from(row.bool("client")?);
            continue;
        };
        let Some(open) = row.maybe_float("open_seconds")? else { continue };
        let idle = match state.starts_with("idle in transaction") {
            true => row.maybe_float("state_seconds")?,
            false => None,
        };
        longest = longest.max(open);
        longest_idle = longest_idle.max(idle.unwrap_or(0.0));
        let found = by.mark("open", open).max(idle.map_or(State::Ok, |idle| by.mark("idle", idle)));
        let pid = row.int("pid")?;
        let cells = [
            pid.to_string().into(),
            row.maybe_text("role")?.into(),
            row.maybe_text("application")?.into(),
            state.into(),
            open.into(),
            idle.into(),
        ];
        verdict.item(found, cells);
        if found > State::Ok {
            let why = format!("ends process {pid}, whose transaction is open for {}", words(open));
            verdict.actions.push(Action {
                why,
                sql: format!("select pg_terminate_backend({pid})"),
                undo: None,
            });
        }
    }
    verdict.summary = match verdict.items.len() {
        0 => "no transaction is open".into(),
        _ => format!("the oldest open transaction is {} old", words(longest)),
    };
    verdict.keep(20);
    verdict.metric("oldest_transaction", Unit::Seconds, longest);
    verdict.metric("longest_idle_in_transaction", Unit::Seconds, longest_idle);
    if hidden > 0 {
        verdict.summary = format!("{}; {hidden} sessions are hidden from this login", verdict.summary);
        verdict.at_least(State::NotPermitted);
    }
    Ok(verdict)
}

/// A length of time in a sentence.
pub(super) fn words(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3_600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}

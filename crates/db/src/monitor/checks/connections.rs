//! How many of the server's connections are taken, by whom.

use std::collections::BTreeMap;

use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Check, Column, Metric, Needs, Sample, State, Threshold, Unit, Unreadable, Verdict};

pub(super) const CHECK: Check = Check {
    id: "connections",
    title: "Connections against their limits",
    meaning: "When the last connection is taken, nobody else gets in: not the application, not you.",
    advice: "See who holds them and in what state; end idle ones, lower the pool's size, or raise the limit.",
    needs: Needs::Role("pg_read_all_stats"),
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/connections.sql"),
    }],
    thresholds: &[Threshold { name: "used", unit: Unit::Percent, warning: 80.0, critical: Some(95.0) }],
    judge,
};

/// A role's or a database's sessions and its own limit.
type Counted<'s> = BTreeMap<&'s str, (i64, Option<i64>)>;

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let (mut total, mut hidden, mut room) = (0, 0, None);
    let (mut roles, mut databases, mut states) = (Counted::new(), Counted::new(), BTreeMap::new());
    for row in sample.rows() {
        let sessions = row.int("sessions")?;
        total += sessions;
        room = Some(row.int("max_connections")? - row.int("reserved")?);
        let role =
            roles.entry(row.maybe_text("role")?.unwrap_or("?")).or_insert((0, row.maybe_int("role_limit")?));
        role.0 += sessions;
        let database = row.maybe_text("database")?.unwrap_or("?");
        databases.entry(database).or_insert((0, row.maybe_int("database_limit")?)).0 += sessions;
        match row.maybe_text("state")? {
            Some(state) => *states.entry(state.to_owned()).or_insert(0) += sessions,
            None => hidden += sessions,
        }
    }
    // No row: nobody but us is there.
    let Some(room) = room else { return Ok(Verdict::new("no other session")) };
    let used = percent(total, room);
    let mut verdict = Verdict::new(format!("{total} of {room} connections are taken ({used:.0} %)"));
    verdict.at_least(by.mark("used", used));
    verdict.columns = ["Of", "Sessions", "Limit", "Used"]
        .into_iter()
        .zip([Unit::Text, Unit::Count, Unit::Count, Unit::Percent])
        .map(|(title, unit)| Column { title, unit })
        .collect();
    for (kind, counted) in [("role", &roles), ("database", &databases)] {
        for (name, (sessions, limit)) in counted {
            let used = limit.map(|limit| percent(*sessions, limit));
            let state = used.map_or(State::Ok, |used| by.mark("used", used));
            verdict.item(
                state,
                [format!("{kind} {name}").into(), (*sessions).into(), (*limit).into(), used.into()],
            );
        }
    }
    for (state, sessions) in &states {
        verdict.metrics.push(Metric {
            name: "connections",
            unit: Unit::Count,
            labels: vec![("state", state.clone())],
            value: *sessions as f64,
        });
    }
    verdict.metric("connections_limit", Unit::Count, room as f64);
    if hidden > 0 {
        verdict.summary = format!("{}; the state of {hidden} is hidden from this login", verdict.summary);
        verdict.at_least(State::NotPermitted);
    }
    Ok(verdict)
}

fn percent(part: i64, whole: i64) -> f64 {
    if whole > 0 { 100.0 * part as f64 / whole as f64 } else { 100.0 }
}

//! How far behind replicas are.

use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Check, Column, Needs, Sample, State, Threshold, Unit, Unreadable, Verdict};

const MIB: f64 = 1_048_576.0;

pub(super) const CHECK: Check = Check {
    id: "replicas",
    title: "How far behind replicas are",
    meaning: "What a replica has not replayed is not seen there, and is lost if it has to take over.",
    advice: "Look at the replica: long queries that stop replay, its disk, the network.",
    needs: Needs::Role("pg_monitor"),
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/replicas.sql"),
    }],
    thresholds: &[
        Threshold { name: "behind", unit: Unit::Bytes, warning: 64.0 * MIB, critical: Some(1_024.0 * MIB) },
        Threshold { name: "lag", unit: Unit::Seconds, warning: 60.0, critical: Some(600.0) },
    ],
    judge,
};

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let mut verdict = Verdict::new("");
    verdict.columns =
        [("Replica", Unit::Text), ("State", Unit::Text), ("Behind", Unit::Bytes), ("Lag", Unit::Seconds)]
            .map(|(title, unit)| Column { title, unit })
            .to_vec();
    let (mut behind, mut lag, mut hidden) = (0, 0.0_f64, 0);
    for row in sample.rows() {
        let name =
            format!("{} {}", row.maybe_text("name")?.unwrap_or(""), row.maybe_text("address")?.unwrap_or(""));
        let (bytes, seconds) = (row.maybe_int("bytes")?, row.maybe_float("seconds")?);
        let state = match row.maybe_text("state")? {
            None => {
                hidden += 1;
                State::NotPermitted
            }
            Some("streaming") => State::Ok,
            Some(_) => State::Warning,
        };
        let marked = bytes.map_or(State::Ok, |bytes| by.mark("behind", bytes as f64));
        let marked = marked.max(seconds.map_or(State::Ok, |seconds| by.mark("lag", seconds)));
        behind = behind.max(bytes.unwrap_or(0));
        lag = lag.max(seconds.unwrap_or(0.0));
        let cells = [name.trim().into(), row.maybe_text("state")?.into(), bytes.into(), seconds.into()];
        verdict.item(state.max(marked), cells);
    }
    let replicas = verdict.items.len();
    verdict.summary = match replicas {
        0 => "no replica receives from this server".into(),
        _ if hidden == replicas => format!("{replicas} replicas, how far they are is hidden from this login"),
        _ => format!("{replicas} replicas, the last {:.1} MB behind", behind as f64 / 1e6),
    };
    verdict.metric("replicas", Unit::Count, replicas as f64);
    if hidden < replicas {
        verdict.metric("replica_behind_most", Unit::Bytes, behind as f64);
        verdict.metric("replica_lag_most", Unit::Seconds, lag);
    }
    Ok(verdict)
}

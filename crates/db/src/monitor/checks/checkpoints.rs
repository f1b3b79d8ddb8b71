//! Whether checkpoints come by time, or because WAL fills up.

use super::transactions::words;
use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Action, Check, Needs, Sample, State, Threshold, Unit, Unreadable, Verdict};

/// Fewer say nothing.
const ENOUGH: i64 = 10;

pub(super) const CHECK: Check = Check {
    id: "checkpoints",
    title: "How checkpoints begin",
    meaning: "Checkpoints that WAL forces come in bursts: after each, every page touched is written to WAL in whole.",
    advice: "Raise max_wal_size until most checkpoints come by time.",
    needs: Needs::Nothing,
    queries: &[
        Query {
            since: Since::Server(170_000),
            sql: include_str!("../../../../../sql/monitor/checkpoints.sql"),
        },
        Query {
            since: Since::Server(140_000),
            sql: include_str!("../../../../../sql/monitor/checkpoints_16.sql"),
        },
    ],
    thresholds: &[Threshold { name: "forced", unit: Unit::Percent, warning: 50.0, critical: None }],
    judge,
};

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let Some(row) = sample.rows().next() else {
        let mut verdict = Verdict::new("the server keeps no counters of checkpoints");
        verdict.at_least(State::NoData);
        return Ok(verdict);
    };
    let (timed, requested) = (row.int("timed")?, row.int("requested")?);
    let since = row.maybe_float("since_seconds")?.map_or_else(|| "the start".into(), words);
    let mut verdict =
        Verdict::new(format!("{timed} by time, {requested} by request or full WAL, in {since}"));
    verdict.metric("checkpoints_timed", Unit::Count, timed as f64);
    verdict.metric("checkpoints_requested", Unit::Count, requested as f64);
    if timed + requested < ENOUGH {
        verdict.at_least(State::NoData);
        return Ok(verdict);
    }
    let state = by.mark("forced", 100.0 * requested as f64 / (timed + requested) as f64);
    verdict.at_least(state);
    if state > State::Ok {
        let size = row.text("max_wal_size")?;
        verdict.actions.push(Action {
            why: format!("lets more WAL come between checkpoints (now {size})"),
            sql: format!("alter system set max_wal_size = '{}'", doubled(size)),
            undo: Some(format!("alter system set max_wal_size = '{size}'")),
        });
    }
    Ok(verdict)
}

/// Twice a size such as `1GB`.
fn doubled(size: &str) -> String {
    let digits = size.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = size.split_at(digits);
    number.parse::<u64>().map_or_else(|_| size.to_owned(), |number| format!("{}{unit}", 2 * number))
}

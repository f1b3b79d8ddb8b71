//! How large the databases are.

use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Check, Column, Metric, Needs, Sample, State, Unit, Unreadable, Verdict};

pub(super) const CHECK: Check = Check {
    id: "databases",
    title: "Sizes of the databases",
    meaning: "A database that grows faster than it used to fills its disk, and its backups take longer.",
    advice: "Look for what grew; a marks for `size` in the configuration warns in time.",
    needs: Needs::Role("pg_read_all_stats"),
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/databases.sql"),
    }],
    thresholds: &[],
    judge,
};

fn judge(sample: &Sample, _: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let mut verdict = Verdict::new("");
    verdict.columns =
        vec![Column { title: "Database", unit: Unit::Text }, Column { title: "Size", unit: Unit::Bytes }];
    let (mut total, mut hidden) = (0, 0);
    for row in sample.rows() {
        let (database, bytes) = (row.text("database")?, row.maybe_int("bytes")?);
        match bytes {
            Some(bytes) => {
                total += bytes;
                let labels = vec![("database", database.to_owned())];
                verdict.metrics.push(Metric {
                    name: "database_size",
                    unit: Unit::Bytes,
                    labels,
                    value: bytes as f64,
                });
            }
            None => hidden += 1,
        }
        let state = if bytes.is_none() { State::NotPermitted } else { State::Ok };
        verdict.item(state, [database.into(), bytes.into()]);
    }
    let hidden = if hidden > 0 { format!(", {hidden} hidden from this login") } else { String::new() };
    let databases = verdict.items.len();
    verdict.summary = format!("{databases} databases, {:.1} MB together{hidden}", total as f64 / 1e6);
    Ok(verdict)
}

//! The largest tables.

use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Check, Column, Needs, Sample, State, Unit, Unreadable, Verdict};

pub(super) const CHECK: Check = Check {
    id: "tables",
    title: "Sizes of the largest tables",
    meaning: "The largest tables decide how long a backup and a restore take.",
    advice: "See what grows: `monitor diff` compares two recordings.",
    needs: Needs::Nothing,
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/tables.sql"),
    }],
    thresholds: &[],
    judge,
};

fn judge(sample: &Sample, _: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let mut verdict = Verdict::new("");
    verdict.columns = [
        ("Table", Unit::Text),
        ("Size", Unit::Bytes),
        ("Indexes", Unit::Bytes),
        ("Rows", Unit::Count),
        ("Scans", Unit::Count),
        ("By index", Unit::Count),
    ]
    .map(|(title, unit)| Column { title, unit })
    .to_vec();
    let (mut all, mut taken) = (0, 0);
    for row in sample.rows() {
        let bytes = row.maybe_int("bytes")?;
        all += bytes.unwrap_or(0);
        taken += usize::from(bytes.is_none());
        let state = if bytes.is_none() { State::NoData } else { State::Ok };
        let cells = [
            format!("{}.{}", row.text("schema")?, row.text("name")?).into(),
            bytes.into(),
            row.maybe_int("index_bytes")?.into(),
            row.maybe_int("rows")?.into(),
            row.maybe_int("scans")?.into(),
            row.maybe_int("index_scans")?.into(),
        ];
        verdict.item(state, cells);
    }
    let taken = match taken {
        0 => String::new(),
        taken => format!("; {taken} could not be measured, somebody has them locked"),
    };
    verdict.summary = format!("{} tables, {:.1} MB together{taken}", verdict.items.len(), all as f64 / 1e6);
    verdict.metric("tables", Unit::Count, verdict.items.len() as f64);
    verdict.metric("tables_size", Unit::Bytes, all as f64);
    verdict.keep(10);
    Ok(verdict)
}

//! Foreign keys without an index.

use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Action, Check, Column, Needs, Sample, State, Threshold, Unit, Unreadable, Verdict};
use crate::quote_ident;

pub(super) const CHECK: Check = Check {
    id: "foreign-keys",
    title: "Foreign keys without an index",
    meaning: "Each DELETE or change of key in the table referred to reads the whole other table, and keeps it locked so long.",
    advice: "Build the index; on a table nobody deletes from it can be left.",
    needs: Needs::Nothing,
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/foreign_keys.sql"),
    }],
    thresholds: &[Threshold { name: "rows", unit: Unit::Count, warning: 1_000.0, critical: None }],
    judge,
};

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let mut verdict = Verdict::new("");
    verdict.columns = [
        ("Table", Unit::Text),
        ("Foreign key", Unit::Text),
        ("Refers to", Unit::Text),
        ("Rows", Unit::Count),
    ]
    .map(|(title, unit)| Column { title, unit })
    .to_vec();
    for row in sample.rows() {
        let (schema, table, rows) = (row.text("schema")?, row.text("table")?, row.maybe_int("rows")?);
        // how many there are is not known before the first ANALYZE
        let state = rows.map_or(State::NoData, |rows| by.mark("rows", rows as f64));
        let key = format!("{} ({})", row.text("name")?, row.text("columns")?);
        verdict.item(
            state,
            [format!("{schema}.{table}").into(), key.into(), row.text("refers_to")?.into(), rows.into()],
        );
        // a partitioned table's index cannot be built concurrently
        let how = if row.bool("partitioned")? { "" } else { "concurrently " };
        verdict.actions.push(Action {
            why: format!("serves {}", row.text("name")?),
            sql: format!(
                "create index {how}on {}.{} ({})",
                quote_ident(schema),
                quote_ident(table),
                row.text("columns")?
            ),
            undo: None,
        });
    }
    verdict.summary = match verdict.items.len() {
        0 => "each foreign key has an index".into(),
        1 => "1 foreign key has no index".into(),
        many => format!("{many} foreign keys have no index"),
    };
    let found = verdict.items.len() as f64;
    verdict.metric("foreign_keys_without_index", Unit::Count, found);
    verdict.keep(20);
    Ok(verdict)
}

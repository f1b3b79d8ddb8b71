//! Indexes that no query may use.

use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Action, Check, Column, Needs, Sample, State, Unit, Unreadable, Verdict};
use crate::quote_ident;

pub(super) const CHECK: Check = Check {
    id: "invalid-indexes",
    title: "Indexes that no query may use",
    meaning: "CREATE INDEX CONCURRENTLY that failed leaves one: it costs every write and serves no query; a unique one \
              may not even keep its promise.",
    advice: "Drop it, or build it anew, concurrently.",
    needs: Needs::Nothing,
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/invalid_indexes.sql"),
    }],
    thresholds: &[],
    judge,
};

fn judge(sample: &Sample, _: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let mut verdict = Verdict::new("");
    verdict.columns =
        [("Index", Unit::Text), ("Table", Unit::Text), ("Size", Unit::Bytes), ("What", Unit::Text)]
            .map(|(title, unit)| Column { title, unit })
            .to_vec();
    for row in sample.rows() {
        let (schema, name) = (row.text("schema")?, row.text("name")?);
        let table = format!("{}.{}", row.text("table_schema")?, row.text("table")?);
        let (being_built, partitioned) = (row.bool("being_built")?, row.bool("partitioned")?);
        let (state, what) = match () {
            () if being_built => (State::Ok, "is being built"),
            () if partitioned => (State::Warning, "lacks the index of a partition"),
            () if row.bool("ready")? => (State::Warning, "takes writes, serves no query"),
            () => (State::Warning, "takes no writes, serves no query"),
        };
        let cells =
            [format!("{schema}.{name}").into(), table.into(), row.maybe_int("bytes")?.into(), what.into()];
        verdict.item(state, cells);
        if state == State::Warning && !partitioned {
            let index = format!("{}.{}", quote_ident(schema), quote_ident(name));
            let action = match row.bool("of_constraint")? {
                true => {
                    ("builds it anew; a constraint needs it", format!("reindex index concurrently {index}"))
                }
                false => {
                    ("removes what an interrupted build left", format!("drop index concurrently {index}"))
                }
            };
            verdict.actions.push(Action { why: action.0.into(), sql: action.1, undo: None });
        }
    }
    let wrong = verdict.count(State::Warning);
    verdict.summary = match wrong {
        0 => "every index can be used".into(),
        1 => "1 index cannot be used".into(),
        many => format!("{many} indexes cannot be used"),
    };
    verdict.metric("invalid_indexes", Unit::Count, wrong as f64);
    verdict.keep(20);
    Ok(verdict)
}

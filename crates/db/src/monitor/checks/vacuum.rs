//! Tables VACUUM does not keep up with, or that were never analysed.

use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Action, Check, Column, Needs, Sample, State, Threshold, Unit, Unreadable, Verdict};
use crate::quote_ident;

pub(super) const CHECK: Check = Check {
    id: "vacuum",
    title: "Tables VACUUM and ANALYZE should see",
    meaning: "Dead rows are read with every scan, and statistics of another time make the planner choose wrongly.",
    advice: "See whether something holds VACUUM back (check `horizon`); else let autovacuum work harder on this table.",
    needs: Needs::Nothing,
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/vacuum.sql"),
    }],
    thresholds: &[
        // How many times over its own mark autovacuum is late. Once is every busy table, always.
        Threshold { name: "late", unit: Unit::Count, warning: 3.0, critical: Some(10.0) },
        Threshold { name: "never-analyzed", unit: Unit::Count, warning: 10_000.0, critical: None },
    ],
    judge,
};

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let mut verdict = Verdict::new("");
    verdict.columns = [
        ("Table", Unit::Text),
        ("Live", Unit::Count),
        ("Dead", Unit::Count),
        ("Vacuumed", Unit::Seconds),
        ("Analyzed", Unit::Seconds),
        ("What", Unit::Text),
    ]
    .map(|(title, unit)| Column { title, unit })
    .to_vec();
    let mut dead_rows = 0;
    for row in sample.rows() {
        let (schema, name) = (row.text("schema")?, row.text("name")?);
        let (live, dead, due_at) = (row.int("live")?, row.int("dead")?, row.float("due_at")?);
        dead_rows += dead;
        let late = if due_at > 0.0 { dead as f64 / due_at } else { 0.0 };
        let analyzed = row.maybe_float("analyzed_seconds")?;
        let table = format!("{}.{}", quote_ident(schema), quote_ident(name));
        let mut state = by.mark("late", late);
        let mut what = "";
        if row.bool("at_work")? {
            (state, what) = (State::Ok, "VACUUM is at work");
        } else if state > State::Ok {
            what = if row.bool("automatic")? { "autovacuum is late" } else { "autovacuum is off" };
            let why = format!("removes {dead} dead rows");
            verdict.actions.push(Action { why, sql: format!("vacuum (analyze) {table}"), undo: None });
        } else if analyzed.is_none() && by.mark("never-analyzed", (live + dead) as f64) > State::Ok {
            (state, what) = (State::Warning, "was never analyzed");
            let why = "gives the planner its first figures".into();
            verdict.actions.push(Action { why, sql: format!("analyze {table}"), undo: None });
        }
        let cells = [
            format!("{schema}.{name}").into(),
            live.into(),
            dead.into(),
            row.maybe_float("vacuumed_seconds")?.into(),
            analyzed.into(),
            what.into(),
        ];
        verdict.item(state, cells);
    }
    let wrong = verdict.items.iter().filter(|item| item.state > State::Ok).count();
    verdict.summary = match wrong {
        0 => "no table waits for it".into(),
        1 => "1 table waits for it".into(),
        many => format!("{many} tables wait for it"),
    };
    verdict.metric("dead_rows", Unit::Count, dead_rows as f64);
    verdict.metric("tables_waiting_for_vacuum", Unit::Count, wrong as f64);
    verdict.keep(10);
    Ok(verdict)
}

//! Sequences that come to their end.

use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{
    Action, Check, Column, Needs, Row, Sample, State, Threshold, Unit, Unreadable, Verdict,
};
use crate::quote_ident;

pub(super) const CHECK: Check = Check {
    id: "sequences",
    title: "Sequences near their end",
    meaning: "At its end a sequence gives no more numbers, and every INSERT that wants one fails.",
    advice: "Make the column and its sequence bigint before that; on a large table that takes a rewrite, so plan it.",
    needs: Needs::Sequences,
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/sequences.sql"),
    }],
    thresholds: &[Threshold { name: "used", unit: Unit::Percent, warning: 70.0, critical: Some(90.0) }],
    judge,
};

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let mut verdict = Verdict::new("");
    verdict.columns =
        [("Sequence", Unit::Text), ("Fills", Unit::Text), ("Used", Unit::Percent), ("Left", Unit::Count)]
            .map(|(title, unit)| Column { title, unit })
            .to_vec();
    let (mut most, mut hidden) = (0.0_f64, 0);
    for row in sample.rows() {
        let (schema, name) = (row.text("schema")?, row.text("name")?);
        let sequence = format!("{schema}.{name}");
        if !row.bool("readable")? {
            hidden += 1;
            let cells =
                [sequence.into(), row.maybe_text("fills")?.into(), None::<f64>.into(), None::<f64>.into()];
            verdict.item(State::NotPermitted, cells);
            let sql = format!(
                "grant select on sequence {}.{} to {}",
                quote_ident(schema),
                quote_ident(name),
                quote_ident(&by.facts.login)
            );
            verdict.actions.push(Action { why: "lets this login see how far it is".into(), sql, undo: None });
            continue;
        }
        let (used, left) = used(&row)?;
        // One that begins again at its end never ends.
        let state = if row.bool("cycles")? { State::Ok } else { by.mark("used", used) };
        if !row.bool("cycles")? {
            most = most.max(used);
        }
        verdict.item(state, [sequence.into(), row.maybe_text("fills")?.into(), used.into(), left.into()]);
    }
    let looked_at = verdict.items.len() - hidden;
    verdict.summary = match looked_at {
        0 if hidden == 0 => "there is no sequence".into(),
        0 => format!("{hidden} sequences, all hidden from this login"),
        _ => format!("of {looked_at} sequences the fullest is at {most:.0} %"),
    };
    if hidden > 0 && looked_at > 0 {
        verdict.summary = format!("{}; {hidden} are hidden from this login", verdict.summary);
    }
    if looked_at > 0 {
        verdict.metric("sequence_used_most", Unit::Percent, most);
    }
    verdict.keep(20);
    Ok(verdict)
}

/// Returns how much of its way a sequence has gone, in percent, and how many numbers are left; upwards or downwards.
fn used(row: &Row<'_>) -> Result<(f64, f64), Unreadable> {
    let increment = row.int("increment")? as f64;
    let (least, most) = (row.int("least")? as f64, row.int("most")? as f64);
    let start = row.int("start")? as f64;
    let (way, gone) = match row.maybe_int("last_value")? {
        None => return Ok((0.0, ((most - least) / increment.abs()).floor() + 1.0)),
        Some(last) if increment > 0.0 => {
            (most - start.min(least.max(1.0)), last as f64 - start.min(least.max(1.0)))
        }
        Some(last) => (start.max(most.min(-1.0)) - least, start.max(most.min(-1.0)) - last as f64),
    };
    let used = if way > 0.0 { (100.0 * gone / way).clamp(0.0, 100.0) } else { 100.0 };
    Ok((used, ((way - gone) / increment.abs()).floor().max(0.0)))
}

//! Replication slots and what they keep.

use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Action, Check, Column, Needs, Sample, State, Threshold, Unit, Unreadable, Verdict};
use crate::quote_literal;

const GIB: f64 = 1_073_741_824.0;

pub(super) const CHECK: Check = Check {
    id: "slots",
    title: "Replication slots and what they keep",
    meaning: "A slot keeps WAL, and rows from VACUUM, for a reader; one whose reader is gone fills the disk.",
    advice: "Bring its reader back, or drop the slot; max_slot_wal_keep_size bounds what one may keep.",
    needs: Needs::Nothing,
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/slots.sql"),
    }],
    thresholds: &[Threshold { name: "kept", unit: Unit::Bytes, warning: GIB, critical: Some(10.0 * GIB) }],
    judge,
};

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let mut verdict = Verdict::new("");
    verdict.columns = [
        ("Slot", Unit::Text),
        ("Kind", Unit::Text),
        ("Reader", Unit::Text),
        ("Keeps", Unit::Bytes),
        ("WAL", Unit::Text),
    ]
    .map(|(title, unit)| Column { title, unit })
    .to_vec();
    let (mut most, mut without) = (0, 0);
    for row in sample.rows() {
        let (slot, active, bytes) = (row.text("slot")?, row.bool("active")?, row.maybe_int("bytes")?);
        most = most.max(bytes.unwrap_or(0));
        let wal = row.maybe_text("wal_status")?;
        let mut state = match wal {
            Some("lost") => State::Critical,
            Some("unreserved") => State::Critical,
            _ => bytes.map_or(State::Ok, |bytes| by.mark("kept", bytes as f64)),
        };
        if !active && !row.bool("temporary")? {
            without += 1;
            state = state.max(State::Warning);
            let sql = format!("select pg_drop_replication_slot({})", quote_literal(slot));
            let why = format!("drops slot {slot}, if its reader will not come back");
            verdict.actions.push(Action { why, sql, undo: None });
        }
        let reader = if active { "there" } else { "gone" };
        let cells = [slot.into(), row.text("type")?.into(), reader.into(), bytes.into(), wal.into()];
        verdict.item(state, cells);
    }
    verdict.summary = match verdict.items.len() {
        0 => "there is no slot".into(),
        slots => format!("{slots} slots, {without} without a reader"),
    };
    verdict.metric("slot_kept_most", Unit::Bytes, most as f64);
    verdict.metric("slots_without_reader", Unit::Count, f64::from(without));
    verdict.keep(20);
    Ok(verdict)
}

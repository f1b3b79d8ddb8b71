//! How far the oldest transaction ids are from the point where the server stops taking writes.

use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Check, Column, Metric, Needs, Sample, Threshold, Unit, Unreadable, Verdict};

/// The ids a server can go without freezing, before it takes no more writes: 2^31 less what it keeps for itself (PostgreSQL
/// documentation, "Preventing Transaction ID Wraparound Failures").
const END: f64 = 2_147_483_648.0 - 3_000_000.0;

pub(super) const CHECK: Check = Check {
    id: "wraparound",
    title: "Age of the oldest transaction and multixact ids",
    meaning: "When the age reaches two thousand million, the server takes no more writes until VACUUM has caught up.",
    advice: "Find what keeps VACUUM from freezing (checks `transactions`, `slots`), then VACUUM (FREEZE) the oldest tables.",
    needs: Needs::Nothing,
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/wraparound.sql"),
    }],
    thresholds: &[Threshold { name: "used", unit: Unit::Percent, warning: 40.0, critical: Some(70.0) }],
    judge,
};

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let mut verdict = Verdict::new("");
    verdict.columns = [
        ("Database", Unit::Text),
        ("Oldest id", Unit::Count),
        ("Oldest multixact", Unit::Count),
        ("Used", Unit::Percent),
    ]
    .map(|(title, unit)| Column { title, unit })
    .to_vec();
    let mut most = 0.0_f64;
    for row in sample.rows() {
        let (age, multixact) = (row.int("age")?, row.int("multixact_age")?);
        let used = 100.0 * age.max(multixact) as f64 / END;
        most = most.max(used);
        let database = row.text("database")?;
        let labels = vec![("database", database.to_owned())];
        verdict.metrics.push(Metric {
            name: "transaction_id_age",
            unit: Unit::Count,
            labels,
            value: age as f64,
        });
        verdict.item(by.mark("used", used), [database.into(), age.into(), multixact.into(), used.into()]);
    }
    verdict.summary = format!("the oldest ids are at {most:.0} % of the way to the end");
    verdict.keep(20);
    Ok(verdict)
}

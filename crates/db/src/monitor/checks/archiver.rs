//! Whether WAL reaches its archive.

use super::transactions::words;
use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{Check, Needs, Sample, State, Threshold, Unit, Unreadable, Verdict};

pub(super) const CHECK: Check = Check {
    id: "archiver",
    title: "Archiving of WAL",
    meaning: "What is not archived cannot be recovered to, and stays on the server's disk until it is full.",
    advice: "Read the server's log for what archive_command says; see that the archive has room and can be reached.",
    needs: Needs::Role("pg_monitor"),
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/archiver.sql"),
    }],
    thresholds: &[Threshold { name: "waiting", unit: Unit::Count, warning: 10.0, critical: Some(100.0) }],
    judge,
};

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let Some(row) = sample.rows().next() else {
        let mut verdict = Verdict::new("the server keeps no counters of its archiver");
        verdict.at_least(State::NoData);
        return Ok(verdict);
    };
    if row.text("mode")? == "off" {
        return Ok(Verdict::new("nothing is archived: archive_mode is off"));
    }
    let mut verdict = Verdict::new("");
    verdict.metric("archive_failures", Unit::Count, row.int("failed")? as f64);
    let (archived, failed) = (row.maybe_float("archived_seconds")?, row.maybe_float("failed_seconds")?);
    // It fails now, if nothing went well since.
    let failing = failed.is_some_and(|failed| archived.is_none_or(|archived| failed < archived));
    let last = archived.map_or_else(
        || "nothing was archived yet".into(),
        |seconds| format!("the last file was archived {} ago", words(seconds)),
    );
    verdict.summary = match failing {
        true => format!("archiving fails ({}); {last}", row.maybe_text("failed_wal")?.unwrap_or("?")),
        false => last,
    };
    if failing {
        verdict.at_least(State::Critical);
    }
    if !row.bool("configured")? {
        verdict.summary = "archive_mode is on, and no archive_command or archive_library is set".into();
        verdict.at_least(State::Critical);
    }
    match row.maybe_int("waiting")? {
        Some(waiting) => {
            verdict.metric("archive_waiting", Unit::Count, waiting as f64);
            verdict.at_least(by.mark("waiting", waiting as f64));
            verdict.summary = format!("{}; {waiting} files wait", verdict.summary);
        }
        None => {
            verdict.summary = format!("{}; how many files wait is hidden from this login", verdict.summary);
            verdict.at_least(State::NotPermitted);
        }
    }
    Ok(verdict)
}

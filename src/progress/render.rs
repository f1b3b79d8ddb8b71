//! Progress as text: pure, so that it can be tested without a clock or a terminal.

use std::time::Duration;

use unisys_ops::progress::Expected;

use super::tally::{Counts, State};
use crate::ui::{human, printable};

/// The width of a bar between its brackets.
const BAR: usize = 10;

/// Returns the lines of a terminal: the whole, then at most `most` items.
pub(super) fn screen(state: &State, speed: Counts, most: usize) -> Vec<String> {
    let bar =
        fraction(state.done, state.expected).map(|part| format!(" [{}]", bar(part))).unwrap_or_default();
    let whole = format!("{}{bar} {}", state.phase, figures(state, speed));
    let items = state
        .items
        .iter()
        .take(most)
        .map(|(name, done, expected)| format!("  {}: {}", printable(name), amount(*done, *expected)));
    let more = state.items.len().saturating_sub(most);
    let rest = (more > 0).then(|| format!("  and {more} more"));
    std::iter::once(whole).chain(items).chain(rest).collect()
}

/// Returns the one line for a log.
pub(super) fn line(state: &State, speed: Counts) -> String {
    let names: Vec<String> = state.items.iter().take(2).map(|(name, ..)| printable(name)).collect();
    let at = if names.is_empty() { String::new() } else { format!("; {}", names.join(", ")) };
    format!("{}: {}{at}", state.phase, figures(state, speed))
}

fn figures(state: &State, speed: Counts) -> String {
    let mut parts = vec![amount(state.done, state.expected)];
    if state.done.bytes > 0 {
        parts.push(format!("{}/s", human::bytes(speed.bytes)));
    }
    parts.push(match left(state, speed) {
        Some(left) => format!("{} left", human::duration(left)),
        None => human::duration(Duration::from_secs(state.elapsed.as_secs())),
    });
    // Last, because a narrow terminal cuts the end off.
    if state.done.rows > 0 {
        parts.push(format!("{} rows/s", human::count(speed.rows)));
    }
    parts.join(", ")
}

/// Returns `34 %, 1.2 GB of 3.5 GB`, as far as it is known; rows where no bytes are counted.
fn amount(done: Counts, expected: Expected) -> String {
    let percent = fraction(done, expected).map(|part| format!("{:.0} %, ", part * 100.0)).unwrap_or_default();
    let of = |done: String, all: Option<String>| {
        all.map_or_else(|| done.clone(), |all| format!("{done} of {all}"))
    };
    let counted = if done.bytes > 0 || expected.bytes.is_some() {
        of(human::bytes(done.bytes), expected.bytes.map(human::bytes))
    } else {
        of(human::count(done.rows), expected.rows.map(human::count)) + " rows"
    };
    format!("{percent}{counted}")
}

/// Returns how much of it is done, 0 to 1; by bytes where they are known, else by rows.
fn fraction(done: Counts, expected: Expected) -> Option<f64> {
    let (done, all) = measure(done, expected)?;
    (all > 0).then(|| (done as f64 / all as f64).min(1.0))
}

fn measure(done: Counts, expected: Expected) -> Option<(u64, u64)> {
    expected.bytes.map(|all| (done.bytes, all)).or(expected.rows.map(|all| (done.rows, all)))
}

fn left(state: &State, speed: Counts) -> Option<Duration> {
    let (done, all) = measure(state.done, state.expected)?;
    let per_second = if state.expected.bytes.is_some() { speed.bytes } else { speed.rows };
    (per_second > 0).then(|| Duration::from_secs(all.saturating_sub(done).div_ceil(per_second)))
}

fn bar(part: f64) -> String {
    let full = (part * BAR as f64) as usize;
    format!("{}{}", "=".repeat(full), " ".repeat(BAR - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let done = Counts { bytes: 1_200_000_000, rows: 3_500_000 };
        State {
            phase: "backup".into(),
            elapsed: Duration::from_secs(10),
            done,
            expected: Expected::bytes(3_600_000_000),
            items: (1..=6)
                .map(|i| (format!("public.t{i}"), Counts { bytes: 50, rows: 1 }, Expected::bytes(100)))
                .collect(),
            ..State::default()
        }
    }

    const SPEED: Counts = Counts { bytes: 120_000_000, rows: 350_000 };

    #[test]
    fn a_log_gets_one_line_with_rate_and_time_left() {
        insta::assert_snapshot!(line(&state(), SPEED), @"backup: 33 %, 1.2 GB of 3.6 GB, 120.0 MB/s, 20 s left, 350,000 rows/s; public.t1, public.t2");
    }

    #[test]
    fn a_terminal_gets_the_whole_and_a_few_tables() {
        insta::assert_snapshot!(screen(&state(), SPEED, 4).join("\n"), @r"
        backup [===       ] 33 %, 1.2 GB of 3.6 GB, 120.0 MB/s, 20 s left, 350,000 rows/s
          public.t1: 50 %, 50 B of 100 B
          public.t2: 50 %, 50 B of 100 B
          public.t3: 50 %, 50 B of 100 B
          public.t4: 50 %, 50 B of 100 B
          and 2 more
        ");
    }

    #[test]
    fn what_is_not_known_is_not_shown() {
        let unknown = State { expected: Expected::UNKNOWN, items: Vec::new(), ..state() };
        insta::assert_snapshot!(line(&unknown, SPEED), @"backup: 1.2 GB, 120.0 MB/s, 10 s, 350,000 rows/s");
        let stalled =
            State { done: Counts::default(), expected: Expected::bytes(9), items: Vec::new(), ..state() };
        insta::assert_snapshot!(line(&stalled, Counts::default()), @"backup: 0 %, 0 B of 9 B, 10 s");
    }
}

//! How fast it goes: over the last seconds, not over the whole, so that a change shows.

use std::collections::VecDeque;
use std::time::Duration;

use super::tally::{Counts, State};

/// The length of the past that counts.
const WINDOW: Duration = Duration::from_secs(15);

/// Remembers the last looks at one phase.
#[derive(Default)]
pub(super) struct Speed {
    phase: u64,
    looks: VecDeque<(Duration, Counts)>,
}

impl Speed {
    /// Returns bytes and rows per second up to this look, which is remembered for the next.
    pub(super) fn of(&mut self, state: &State) -> Counts {
        if self.phase != state.number {
            self.phase = state.number;
            self.looks = VecDeque::from([(Duration::ZERO, Counts::default())]);
        }
        self.looks.push_back((state.elapsed, state.done));
        while self.looks.len() > 2 && state.elapsed.saturating_sub(self.looks[1].0) >= WINDOW {
            self.looks.pop_front();
        }
        let (since, before) = self.looks[0];
        let seconds = state.elapsed.saturating_sub(since).as_secs_f64().max(0.001);
        let rate = |now: u64, then: u64| (now.saturating_sub(then) as f64 / seconds) as u64;
        Counts { bytes: rate(state.done.bytes, before.bytes), rows: rate(state.done.rows, before.rows) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, bytes: u64) -> State {
        let done = Counts { bytes, rows: 0 };
        State { number: 1, elapsed: Duration::from_secs(seconds), done, ..State::default() }
    }

    #[test]
    fn only_the_last_seconds_count() {
        let mut speed = Speed::default();
        assert_eq!(speed.of(&at(10, 1000)).bytes, 100);
        assert_eq!(speed.of(&at(20, 1000)).bytes, 50);
        assert_eq!(speed.of(&at(30, 1000)).bytes, 0, "stalled since second 10");
    }

    #[test]
    fn a_new_phase_starts_from_nothing() {
        let mut speed = Speed::default();
        speed.of(&at(10, 1000));
        assert_eq!(speed.of(&State { number: 2, ..at(1, 7) }).bytes, 7);
    }
}
